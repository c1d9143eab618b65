/** The work on digests: taken one after another, each made in a process that may be killed, noted as made. */

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { makeFolder, namesIn } from "../../base/files-node.ts";
import { parseEdits } from "../../digest/edits.ts";
import { itemSettings } from "../../digest/write/write.ts";
import { ZerothError } from "../../errors.ts";
import type { Engine } from "../../host/engine.ts";
import {
  claimDigest,
  type DigestClaim,
  type DigestError,
  endDigest,
  releaseDigest,
  renewDigest,
} from "../../state/digests.ts";
import { readFile } from "../../state/files-node.ts";
import { newId } from "../../state/ids-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { mostAttempts, pauseBefore, startWork, type Work } from "../../state/work-loop.ts";
import { messageOf } from "../errors.ts";
import { startChild } from "../jobs/child-node.ts";
import { passes } from "../jobs/passing.ts";
import type { DigestStart, FromDigest, ToDigest } from "./messages.ts";
import type { AskedDigest } from "./schema.ts";
import type { PaperStores } from "./stores-node.ts";

export interface DigestOptions {
  readonly stores: PaperStores;
  /** The server's folder: what is being made lies in `digest-work/`. */
  readonly home: string;
  /** The process's script, where it is not beside this file. */
  readonly script?: URL | undefined;
  /** A server's name: who holds a lease. */
  readonly name?: string;
  /** Seconds that a lease lasts; it is renewed three times within. */
  readonly lease?: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look?: number;
}

interface Going {
  readonly state: State;
  readonly engine: Engine;
  readonly options: DigestOptions;
  readonly claim: DigestClaim;
  /** Empty, of this taking alone. */
  readonly folder: string;
  /** Fires when the server stops. */
  readonly stopping: AbortSignal;
}

/** What vectors of a model are known by: another model, or other files of it, makes others. */
async function spaceOf(engine: Engine, encoder: string, signal: AbortSignal): Promise<string> {
  const { id, family, bytes, created } = await engine.about(encoder, signal);
  return createHash("sha256")
    .update(JSON.stringify([id, family, bytes, created]))
    .digest("hex")
    .slice(0, 32);
}

/** What the process is started with. @throws not_found for a store or file that is not there any more */
async function startOf({ state, engine, options, claim: { row }, folder, stopping }: Going): Promise<DigestStart> {
  const edits = row.edits === null ? undefined : parseEdits(JSON.parse(row.edits), row.id);
  const asked = JSON.parse(row.asked) as AskedDigest;
  const vectors = asked.encoder ? await spaceOf(engine, asked.encoder, stopping) : undefined;
  const about = { group: row.asked_group, month: row.month, asked, edits, vectors };
  if (row.file === null) return { ...about, store: options.stores.pathOf(row.store!) };
  const { file, content } = await readFile(state, row.owner, row.file);
  // The name is its sender's: of it the ending alone says how it is read.
  const ending = /^\.(?:jsonl|csv|tsv|parquet)$/.exec(extname(file.filename).toLowerCase())?.[0] ?? ".jsonl";
  const path = join(folder, `papers${ending}`);
  await pipeline(Readable.from(content), createWriteStream(path, { mode: 0o600 }));
  return { ...about, rows: { path, store: join(folder, "papers.db") } };
}

/** What the model writes; nothing where it does not take the prompt. */
async function written(
  engine: Engine,
  model: string,
  owner: string,
  text: string,
  signal: AbortSignal,
): Promise<string> {
  const { chat } = await engine.about(model, signal);
  const prompt = chat ? { messages: [{ role: "user" as const, content: text }] } : { text };
  const settings = { ...itemSettings, sample: false };
  let said = "";
  try {
    for await (const event of engine.generate({ model, owner, prompt, settings }, signal)) {
      if (event.kind === "piece") said += event.text;
    }
  } catch (error) {
    if (error instanceof ZerothError && error.code === "too_long") return "";
    throw error;
  }
  return said;
}

type Outcome = { readonly document: string } | DigestError;

async function work(going: Going): Promise<void> {
  const { state, engine, options, claim, stopping } = going;
  const { lease = 30, script = new URL("./digest-process-node.js", import.meta.url) } = options;
  const { row } = claim;
  const failed = (code: string, message: string) => endDigest(state, claim, { code, message });
  if (row.attempts > mostAttempts) {
    await failed(
      "process_ended",
      `the process that makes it ended ${mostAttempts} times: there may be too little memory`,
    );
    return;
  }
  let start: DigestStart;
  try {
    start = await startOf(going);
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    if (passes(error)) await releaseDigest(state, claim, stopping.aborted ? undefined : pauseBefore(row.attempts));
    else await failed(error.code, messageOf(error));
    return;
  }
  let outcome: Outcome | undefined;
  let [progress, lost, problem] = [null, false, undefined] as [string | null, boolean, unknown];
  const left = new AbortController();
  const { model, encoder } = start.asked;
  const answer = async (make: () => Promise<ToDigest>): Promise<void> => {
    try {
      child.post(await make());
    } catch (error) {
      if (left.signal.aborted) return;
      if (error instanceof ZerothError && error.code === "not_found")
        outcome = { code: "model_not_found", message: messageOf(error) };
      else problem = error;
      child.kill();
    }
  };
  const child = startChild<ToDigest, FromDigest>(script, { kind: "start", start }, (message) => {
    if (message.kind === "progress") progress = message.text;
    else if (message.kind === "prompt")
      void answer(async () => ({
        ...{ kind: "answer", id: message.id },
        text: await written(engine, model!, row.owner, message.text, left.signal),
      }));
    else if (message.kind === "texts")
      void answer(async () => {
        const ask = { model: encoder!, owner: row.owner, inputs: message.texts, truncate: true };
        return { kind: "vectors", id: message.id, vectors: (await engine.embed(ask, left.signal)).vectors };
      });
    else if (message.kind === "done") outcome = { document: message.document };
    else if (message.kind === "refused") outcome = { code: message.code, message: message.message };
    else problem = new Error(message.message);
  });
  const end = (): void => {
    left.abort();
    child.kill();
  };
  // A database that is away for a moment ends nothing: the lease is what counts.
  const look = () =>
    void renewDigest(state, claim, lease, progress).then(
      (now) => {
        if (now !== undefined) return;
        lost = true;
        end();
      },
      () => undefined,
    );
  const beat = setInterval(look, Math.min(1000, (lease * 1000) / 3));
  const silence = state.wake.listen(look);
  stopping.addEventListener("abort", end, { once: true });
  if (stopping.aborted) end();
  try {
    await child.ended;
  } finally {
    clearInterval(beat);
    silence();
    stopping.removeEventListener("abort", end);
    left.abort();
  }
  if (lost) return;
  if (outcome !== undefined) await endDigest(state, claim, outcome);
  else {
    await releaseDigest(state, claim, stopping.aborted ? undefined : pauseBefore(row.attempts));
    if (problem !== undefined && !stopping.aborted) throw problem;
  }
}

/** Make the digests of a database until it is stopped. Any number of servers may do so. */
export function startDigests(
  state: State,
  engine: Engine,
  options: DigestOptions,
  problem: (error: unknown) => void = () => undefined,
): Work {
  const { stores, home, lease = 30, look = 5, name = newId(`process-${process.pid}-`) } = options;
  const stopping = new AbortController();
  const all = join(home, "digest-work");
  const loop = startWork(state, {
    ...{ most: 1, look, problem },
    async take() {
      // Where one server is all there is, the digest is told that its store is gone.
      const claim = await claimDigest(state, name, lease, state.kind === "sqlite" ? "any" : stores.names());
      if (claim === undefined) return undefined;
      return async () => {
        makeFolder(all);
        const { id } = claim.row;
        // What earlier takings of it left here, killed.
        for (const old of namesIn(all)) {
          if (old.startsWith(`${id}-`)) await rm(join(all, old), { recursive: true, force: true });
        }
        const folder = join(all, `${id}-${claim.fence}`);
        makeFolder(folder);
        try {
          await work({ state, engine, options, claim, folder, stopping: stopping.signal });
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      };
    },
  });
  return {
    async stop() {
      stopping.abort();
      await loop.stop();
    },
  };
}
