/**
 * The script of a process that makes one digest. It may be killed at any moment: what it made is its server's once it is
 * told. It has no model: what is to be written is asked of its server.
 */

import { groupOf } from "../../digest/count/groups.ts";
import { ingestFile } from "../../digest/ingest-node.ts";
import { makeDigest } from "../../digest/make-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { ZerothError } from "../../errors.ts";
import { messageOf } from "../errors.ts";
import { passes } from "../jobs/passing.ts";
import { serveOnce, tellOwner } from "../jobs/serve-child-node.ts";
import type { DigestStart, FromDigest, ToDigest } from "./messages.ts";

/** What the server was asked, and is waited for. */
const waiting = new Map<number, (answer: never) => void>();
let last = 0;

const tell = (message: FromDigest): Promise<void> => tellOwner(message);

const ask = <T>(message: (id: number) => FromDigest): Promise<T> =>
  new Promise((resolve) => {
    const id = ++last;
    waiting.set(id, resolve);
    void tell(message(id));
  });

const write = (text: string): Promise<string> => ask((id) => ({ kind: "prompt", id, text }));

const embed = (texts: readonly string[]): Promise<Float32Array[]> => ask((id) => ({ kind: "texts", id, texts }));

async function make({ store: path, rows, group, month, asked, edits, vectors }: DigestStart): Promise<string> {
  const progress = (text: string): void => void tell({ kind: "progress", text });
  if (rows) {
    const told = (records: number): void => progress(`${records.toLocaleString("en")} records read`);
    const events = { progress: ({ records }: { records: number }) => told(records) };
    await ingestFile({ store: rows.store, source: "jsonl", path: rows.path, events });
  }
  const store = openStore(path ?? rows!.store);
  try {
    const digest = await makeDigest(store, {
      ...{ month, group: groupOf(group), progress },
      ...{ top: asked.top ?? 8, delay: asked.delay ?? 0, months: asked.months ?? 1, misses: asked.misses ?? 10 },
      ...{ weights: asked.weights ?? {}, interest: asked.interest ?? [], surveys: asked.surveys ?? undefined },
      pin: [...(edits?.order ?? []), ...(asked.pin ?? [])],
      ban: [...(edits?.drop ?? []), ...(asked.ban ?? [])],
      ...{ seed: asked.seed ?? 0, keepUnsupported: asked.keep_unsupported ?? undefined },
      ...(vectors !== undefined && { embedder: { fingerprint: vectors, embed } }),
      ...(asked.model && { writer: write, writerName: asked.model }),
    });
    return JSON.stringify(digest);
  } finally {
    store.close();
  }
}

async function work(start: DigestStart): Promise<void> {
  try {
    await tell({ kind: "done", document: await make(start) });
  } catch (error) {
    if (error instanceof ZerothError && !passes(error)) {
      await tell({ kind: "refused", code: error.code, message: messageOf(error) });
      return;
    }
    if (!(error instanceof ZerothError)) console.error(error);
    await tell({ kind: "failed", message: error instanceof ZerothError ? error.message : String(error) });
  }
}

serveOnce<ToDigest>(work, (said) => {
  waiting.get(said.id)?.((said.kind === "answer" ? said.text : said.vectors) as never);
  waiting.delete(said.id);
});
