/** Summaries of a server: what a book will take, who writes, how far it is, and what it becomes in forms of others. */
import { randomBytes } from "node:crypto";
import { createWriteStream, statSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { makeFolder } from "../../base/files-node.ts";
import { type ErrorCode, fail, ZerothError } from "../../errors.ts";
import type { Engine, ModelAbout } from "../../host/engine.ts";
import { getFile, readFile } from "../../state/files-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { type SummaryJob, summaryRows } from "../../state/summaries.ts";
import type { ExportFormat } from "../../summarize/export/export.ts";
import type { RunRow } from "../../summarize/run/memory.ts";
import type { SummarizeOptions } from "../../summarize/run/settings.ts";
import { ruleNames } from "../../summarize/writers/rules.ts";
import { runSummaryProcess } from "./child-node.ts";
import type { BookFile, PlanTold, ToldFailure, WriterSpec } from "./messages.ts";

export interface SummaryOptions {
  /** The server's folder: books lie in `summaries/` while they are read. */
  readonly home: string;
  /** Where a model lies. @throws not_found for one that is not on this machine */
  readonly pathOf: (model: string) => string;
  /** The process's script, where it is not beside this file. */
  readonly script?: URL | undefined;
  /** A server's name: who holds a lease. */
  readonly name?: string;
  /** Summaries in work at once. */
  readonly most?: number;
  /** Summaries of one owner that may wait or be worked on. */
  readonly waiting?: number;
  /** Seconds that a lease lasts; it is renewed three times within. */
  readonly lease?: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look?: number;
}

/** What a request asks for, as it is kept. */
export interface AskedSummary {
  readonly options: SummarizeOptions;
  readonly temperature?: number | undefined;
  readonly maxCalls?: number | undefined;
}

const ruleOf = (model: string) => ruleNames.find((rule) => rule === model);

/** Whether it is a rule and no model. */
export const isRule = (model: string): boolean => ruleOf(model) !== undefined;

/** The model beneath an adapter's name. */
const baseOf = ({ id, parent }: ModelAbout): string => parent ?? id;

/** Who writes. @throws not_found for a model that is not here; unsupported for one that writes nothing */
export async function writerSpec(
  engine: Engine,
  { pathOf }: Pick<SummaryOptions, "pathOf">,
  model: string,
  temperature: number | undefined,
  signal?: AbortSignal,
): Promise<WriterSpec> {
  const rule = ruleOf(model);
  if (rule) return { kind: "rule", rule };
  const about = await engine.about(model, signal);
  const { kind, family, chat, longest, can } = about;
  if (!can.includes("generate") || (kind !== "decoder" && kind !== "encoder-decoder"))
    return fail("unsupported", `${model} writes no text`, {
      hint: "take a model that generates, or extractive or lead",
    });
  const word = "word";
  const [alone, message] = chat
    ? await Promise.all([
        engine.tokenize(model, { text: word, specialTokens: false }),
        engine.tokenize(model, { messages: [{ role: "user", content: word }] }),
      ])
    : [{ ids: [] }, { ids: [] }];
  return {
    ...{ kind: "engine", model, path: pathOf(baseOf(about)), about: { kind, family, chat, longest } },
    ...{ around: message.ids.length - alone.ids.length, temperature },
  };
}

const folderOf = (home: string): string => join(home, "summaries");

/** An ending as readers know it; nothing of a name becomes a part of a path. */
const endingOf = (filename: string): string => /^\.[a-z0-9]{1,8}$/.exec(extname(filename).toLowerCase())?.[0] ?? ".txt";

/** Books of an attempt that was killed are older than any that is read now. */
const tooOld = 24 * 3_600_000;
const prefix = "book-";

/** Take away what killed processes left. */
export async function sweepBooks(home: string): Promise<void> {
  const folder = folderOf(home);
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const path = join(folder, basename(name));
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (name.startsWith(prefix) && age > tooOld) await rm(path, { force: true });
  }
}

/** A book on this machine's disk for as long as somebody reads it. @throws not_found for a file that is gone */
export async function withBook<T>(
  state: State,
  home: string,
  { owner, filename, file, text }: Pick<SummaryJob, "owner" | "filename" | "file" | "text">,
  work: (book: BookFile) => Promise<T>,
): Promise<T> {
  const folder = folderOf(home);
  makeFolder(folder);
  const path = join(folder, `${prefix}${randomBytes(8).toString("hex")}${endingOf(filename)}`);
  try {
    if (file !== null) await pipeline((await readFile(state, owner, file)).content, createWriteStream(path));
    else await writeFile(path, text ?? "");
    return await work({ path, name: filename });
  } finally {
    await rm(path, { force: true });
  }
}

const thrown = ({ code, message }: ToldFailure): never => {
  throw new ZerothError(code as ErrorCode, message);
};

/** Rows of a run as its process takes them. */
export const runRows = async (state: State, id: string): Promise<RunRow[]> =>
  (await summaryRows(state, id, ["run", "object", "line"])) as RunRow[];

export interface Summaries {
  readonly options: SummaryOptions;
  /** What a book will take; nothing is asked. @throws what reading a document throws; busy where too many ask */
  plan(
    book: Pick<SummaryJob, "owner" | "filename" | "file" | "text" | "model">,
    asked: AskedSummary,
    signal: AbortSignal,
  ): Promise<PlanTold>;
  /** A summary as far as it is, in a form of others. @throws busy */
  exported(job: SummaryJob, format: ExportFormat, signal: AbortSignal): Promise<string | Uint8Array>;
}

/** Estimates and exports at once; further ones are refused. */
const mostTasks = 2;
const mostWaiting = 16;

export function openSummaries(state: State, engine: Engine, options: SummaryOptions): Summaries {
  let [running, waiting] = [0, 0];
  const queue: (() => void)[] = [];
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= mostTasks) {
      if (waiting >= mostWaiting) fail("busy", `${mostWaiting} estimates and exports wait already`);
      waiting++;
      await new Promise<void>((resolve) => queue.push(resolve));
      waiting--;
    } else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  }
  const stopped = () => fail("interrupted", "stopped on request");
  return {
    options,
    plan: (book, { options: asked, temperature }, signal) =>
      inTurn(async () => {
        const writer = await writerSpec(engine, options, book.model, temperature, signal);
        const ended = await withBook(state, options.home, book, (here) =>
          runSummaryProcess(
            { writer, task: { stage: "plan", book: here, options: asked } },
            { engine, owner: book.owner, model: book.model, signal, script: options.script },
          ),
        );
        if (ended?.kind === "failed") return thrown(ended.failure);
        return ended?.kind === "planned" ? ended.plan : stopped();
      }),
    exported: ({ id, owner, model }, format, signal) =>
      inTurn(async () => {
        const rows = await runRows(state, id);
        const ended = await runSummaryProcess(
          { writer: { kind: "rule", rule: "lead" }, task: { stage: "export", rows, format } },
          { engine, owner, model, signal, script: options.script },
        );
        if (ended?.kind === "failed") return thrown(ended.failure);
        return ended?.kind === "exported" ? ended.content : stopped();
      }),
  };
}

/** @throws not_found, also for a file of somebody else's */
export const needBook = async (state: State, owner: string, file: string): Promise<string> =>
  (await getFile(state, owner, file)).filename;
