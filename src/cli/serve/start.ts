/** Starting the server of `zeroth serve`: what was typed becomes keys and a page before an engine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, ZerothError } from "../../errors.ts";
import type { Engine } from "../../host/engine.ts";
import { embedded, openLibrary } from "../../host/library-node.ts";
import type { LogLine } from "../../server/context.ts";
import { openPaperStores } from "../../server/digests/stores-node.ts";
import { fixedKeys } from "../../server/guards/keys.ts";
import type { ServedAdapter } from "../../server/jobs/adapters-node.ts";
import { openHub } from "../../server/jobs/hub-node.ts";
import { openPage } from "../../server/page-node.ts";
import { type ServeOptions, type Serving, serve } from "../../server/serve-node.ts";
import { storedKeys } from "../../server/stored/keys.ts";
import { openSummaries } from "../../server/summaries/summaries-node.ts";
import { openVectorStores, type VectorStores } from "../../server/vectors/stores-node.ts";
import { homeFolder, openState } from "../../state/open-node.ts";
import type { Output } from "../output.ts";
import type { StartedEngine } from "./engine.ts";

export interface StartFlags {
  readonly host?: string;
  readonly port: number;
  /** Take the next free port where this one is taken. */
  readonly tryNext: boolean;
  readonly apiKey?: readonly string[];
  readonly cors?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly maxQueue?: number;
  readonly download?: boolean;
  readonly page?: boolean;
  readonly digests?: string;
}

/** Where the page lies that was built with the package. */
const pageFolder = (): string => fileURLToPath(new URL("../../dist/web", import.meta.url));

/** Say which adapters are served, and which folders hold one that is not. */
async function sayAdapters(engine: Engine, output: Output): Promise<void> {
  const { refused } = await engine.scanAdapters();
  const names = (await engine.adapters()).map(({ id }) => id);
  const more = names.length > 5 ? `, and ${names.length - 5} more` : "";
  output.say(
    `${names.length} adapter${names.length === 1 ? "" : "s"}: ${names.slice(0, 5).join(", ") || "none"}${more}`,
  );
  for (const { folder, why } of refused) output.say(`not served: ${folder}: ${why}`);
}

/** Serve what fine-tuning jobs have made, and no more what was deleted. */
async function serveAdapters(
  engine: Engine,
  added: readonly ServedAdapter[],
  removed: readonly ServedAdapter[],
): Promise<void> {
  for (const { id } of removed) await engine.removeAdapter(id);
  for (const { model, name, path } of added) await engine.addAdapter(model, name, path);
}

/** A line a request, for people. */
function shownLine({ method, route, status, ms, model, promptTokens, answerTokens, error }: LogLine): string {
  const tokens = promptTokens === undefined ? "" : `  ${promptTokens}+${answerTokens ?? 0} tokens`;
  const why = error === undefined ? "" : `  ${error.split("\n", 1)[0]}`;
  return `${method} ${route} ${status}  ${ms} ms${model === undefined ? "" : `  ${model}`}${tokens}${why}`;
}

/** Serve on the port, or on one of the next where that was not asked for by number. */
async function serveOn(options: ServeOptions, tryNext: boolean, output: Output): Promise<Serving> {
  const { port = 0 } = options;
  for (let next = port; ; next++) {
    try {
      const serving = await serve({ ...options, port: next });
      if (next !== port) output.say(`port ${port} is taken: serving on ${next}`);
      return serving;
    } catch (error) {
      const taken = error instanceof ZerothError && (error.cause as NodeJS.ErrnoException)?.code === "EADDRINUSE";
      if (!taken || !tryNext || next === port + 20) throw error;
    }
  }
}

/** The line to try, whatever the first model is. */
function curlLine(url: string, model: string, guarded: boolean): string {
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content: "Is this a fact or an opinion? Snow is cold." }],
  });
  const key = guarded ? " -H 'Authorization: Bearer KEY'" : "";
  return `curl ${url}/v1/chat/completions -H 'Content-Type: application/json'${key} -d '${body}'`;
}

/** Keys that were given, by flags and in the environment. */
function keysOf(flags: Pick<StartFlags, "apiKey">): string[] {
  const given = process.env.ZEROTH_API_KEY;
  const keys = [...(flags.apiKey ?? []), ...(given ? given.split(",") : [])].map((key) => key.trim());
  if (keys.some((key) => !/^\S{1,500}$/.test(key))) fail("wrong_use", "a key is 1 to 500 characters without spaces");
  return keys;
}

/** Serve an engine that has been started; what is returned closes the server, then its engine. */
export async function startServer(
  flags: StartFlags,
  { engine, first: model, folders, threads, hasAdapters }: StartedEngine,
  output: Output,
): Promise<{ readonly serving: Serving; close(): Promise<void> }> {
  const { maxQueue, host } = flags;
  let state: Awaited<ReturnType<typeof openState>> | undefined;
  let vectors: VectorStores | undefined;
  const close = async () => {
    await vectors?.close();
    await engine[Symbol.asyncDispose]();
    await state?.close();
  };
  const problem = (error: unknown): void =>
    output.say(`the database: ${error instanceof Error ? error.message : String(error)}`);
  try {
    const keys = keysOf(flags);
    const folder = pageFolder();
    const page = flags.page !== false && existsSync(folder) ? openPage(folder) : undefined;
    state = await openState(process.env);
    const first = keys.length > 0 ? fixedKeys(keys) : undefined;
    const stored = storedKeys(state, {
      ...(first && { first }),
      log(line) {
        output.row(line);
        if (!output.json) output.say(shownLine(line));
      },
      problem,
    });
    const [home, { pathOf }] = [homeFolder(process.env), openLibrary({ folders })];
    vectors = openVectorStores(state, engine, { home, pathOf, threads });
    const options: ServeOptions = {
      ...{ engine, state, vectors, problem, keys: stored.keys },
      port: flags.port,
      summaries: openSummaries(state, engine, { home, pathOf }),
      tuning: {
        ...{ home, pathOf, threads },
        changed: ({ added, removed }) => serveAdapters(engine, added, removed),
      },
      digests: { home, stores: openPaperStores(flags.digests ?? join(home, "digests")) },
      ...(host !== undefined && { host }),
      ...(flags.cors && { cors: flags.cors }),
      ...(flags.allowedHost && { hosts: flags.allowedHost }),
      ...(maxQueue !== undefined && { limits: { requests: maxQueue } }),
      ...(model !== undefined && { model }),
      ...(page && { page }),
      ...(flags.download !== false && { hub: openHub() }),
      log: stored.log,
    };
    const serving = await serveOn(options, flags.tryNext, output);
    const seconds = (performance.now() / 1000).toFixed(1);
    const guarded = await stored.keys.needed();
    if (hasAdapters) await sayAdapters(engine, output);
    output.row({ url: serving.url });
    const here = `${serving.url}${page ? " is a page" : ""}, and OpenAI's interface under /v1`;
    // In one piece: who waits for the first has the line to try as well.
    output.text(`${here} (ready in ${seconds} s). Try:\n${curlLine(serving.url, model ?? embedded, guarded)}\n`);
    return {
      serving,
      async close() {
        await serving.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
