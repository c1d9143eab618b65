/** The process in which vectors are searched, so that whoever asks is not held up. */
import { whenOwnerGone } from "../../base/owner-node.ts";
import { ZerothError } from "../../errors.ts";
import { compile } from "../../runtime/compile-node.ts";
import { type Generation, servingOf } from "../store/generations-node.ts";
import { rowsOf } from "../store/read-node.ts";
import { openStoreFile } from "../store/schema-node.ts";
import type { Sql } from "../store/sqlite-node.ts";
import type { SearchAnswer, SearchQuestion } from "./apart-node.ts";
import type { Search } from "./exact.ts";
import { openDense } from "./open-node.ts";

let opened: { readonly sql: Sql; readonly generation: Generation; readonly search: Search } | undefined;

async function searchOf(question: SearchQuestion): Promise<Search | "stale"> {
  const { store, generation, revision, bits, many, threads } = question;
  if (opened?.generation.id === generation && opened.generation.revision === revision) return opened.search;
  await opened?.search.close();
  opened?.sql.close();
  opened = undefined;
  const sql = openStoreFile(store, false);
  try {
    const serving = servingOf(sql, store);
    if (serving.id !== generation || serving.revision !== revision) {
      sql.close();
      return "stale";
    }
    const search = await openDense(sql, serving, rowsOf(sql, serving), store, {
      ...{ bits, many },
      compile: (graph, weights) => compile(graph, { weights, ...(threads !== undefined && { threads }) }),
      notice: (notice) => process.send?.({ notice }),
    });
    opened = { sql, generation: serving, search };
    return search;
  } catch (cause) {
    sql.close();
    throw cause;
  }
}

async function answer(question: SearchQuestion): Promise<SearchAnswer> {
  const { id, vectors, k, allowed } = question;
  try {
    const search = await searchOf(question);
    if (search === "stale") return { id, stale: true };
    return { id, hits: await search.search(vectors, k, allowed && ((row) => allowed[row] === 1)) };
  } catch (error) {
    const { code, message, where, hint } = error as ZerothError;
    if (!(error instanceof ZerothError)) return { id, error: { code: "engine_failed", message: String(error) } };
    return {
      id,
      error: { code, message: where === undefined ? message : message.slice(where.length + 2), where, hint },
    };
  }
}

// Signals of a terminal reach every process of its group; whoever asked decides when this one ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
whenOwnerGone(() => process.exit());
/** Questions are answered one after another: a search takes all threads. */
let before: Promise<unknown> = Promise.resolve();
process.on("message", (question: SearchQuestion) => {
  before = before.then(async () => {
    const told = await answer(question);
    process.send?.(told, () => {});
  });
});
