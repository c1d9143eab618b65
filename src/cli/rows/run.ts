/**
 * Rows in, results out, alike for every command: in the input's order, each batch as soon as it is done, an error in
 * the place of a row that cannot be done, and, with `--output`, kept and gone on with after an interruption.
 */
import { createHash, type Hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { batchesOf } from "../../data/batches.ts";
import { type InputRow, openInput } from "../../data/cli-rows-node.ts";
import { rowText } from "../../data/raw-json.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import { storedBytes } from "../../weights/quantize.ts";
import type { Weights } from "../../weights/weights.ts";
import type { Flags } from "../command.ts";
import { version } from "../help.ts";
import type { InputBatch } from "../jobs.ts";
import type { rows as rowOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { asKnown, errorRow } from "../report.ts";
import { followRows } from "./progress.ts";
import { contentHash, type Identity, needResults, openResults, type ResultsFile } from "./results-file.ts";

/**
 * Most rows of a batch, by the bytes of a model: many rows of like lengths are done sooner, and an interruption loses the
 * rows of one batch. A row's numbers may depend on its batch, so its size follows from the model and its place alone.
 */
function mostRows(bytes: number): number {
  if (bytes < 64 << 20) return 256;
  return bytes < 1 << 30 ? 128 : 64;
}

/** Flags that change nothing about the results. */
const idle = new Set(["input", "output", "resume", "overwrite", "model", "threads", "stats", "quiet", "json", "debug"]);
/** Flags that name a file, which decides instead of its name. */
const files = new Set(["jsonSchema", "grammar"]);

type RowFlags = Flags<typeof rowOptions> & { readonly [name: string]: unknown };

/** What came of a row. */
export interface Done {
  /** The result row, without its id. */
  readonly row: object;
  /** Show it to a person, where no rows are asked for. */
  readonly show: () => void;
}

export interface RowWork {
  /** Folder of the model, and its name. */
  readonly model: {
    readonly name: string;
    readonly path: string;
    readonly files: readonly string[];
    /** Of its weights. */
    readonly bytes: number;
  };
  /** What is counted: "prompts". */
  readonly things: string;
  /**
   * Do a batch: a result or an error for every row, in order.
   * @param before rows before this batch
   * @param onDone to be told how many of the batch are done
   */
  batch(
    rows: InputBatch,
    at: { readonly before: number; readonly onDone: (done: number) => void },
  ): Promise<readonly (Done | ZerothError)[]>;
  /** Tell of an error in the place of a result, where that takes more than its message. */
  showError?(error: ZerothError, row: number): void;
}

/** The model of a job, as it was opened. */
export const modelOf = ({
  name,
  folder,
  weights,
}: {
  readonly name: string;
  readonly folder: Pick<ModelFolder, "path" | "files">;
  readonly weights: Weights;
}): RowWork["model"] => ({ name, path: folder.path, files: folder.files, bytes: storedBytes(weights) });

export interface RowJob {
  /** Whether rows of JSON are asked for, on stdout or in a file. */
  readonly json: boolean;
  /** Do all rows; gives the exit code. @throws the error of the only row; interrupted with how far it came */
  run(work: RowWork): Promise<number>;
}

interface Given {
  readonly flags: RowFlags;
  /** Rows made of the arguments, where there is no --input. */
  readonly given: readonly InputRow[];
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** The model's files, by their names, sizes and times. */
function filesOf({ path, files: names }: RowWork["model"]): string {
  const stats = names.length === 0 ? [path] : names.map((name) => join(path, name));
  return contentHash(
    JSON.stringify(
      stats.map((file) => {
        const stat = statSync(file, { throwIfNoEntry: false });
        return [file.slice(path.length), stat?.size, stat?.mtimeMs];
      }),
    ),
  );
}

/** What decides the results. */
function identityOf(command: string, flags: RowFlags, model: RowWork["model"]): Identity {
  const given = Object.entries(flags).filter(([name, value]) => !idle.has(name) && value !== undefined);
  const settings = given.map(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    files.has(name) ? contentHash(readFileSync(String(value), "utf8")) : value,
  ]);
  return {
    version: version(),
    command,
    model: model.name,
    "model files": filesOf(model),
    ...Object.fromEntries(settings.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))),
  };
}

/** Hash of the rows that went in so far. */
function inputHash(): { add(row: InputRow | ZerothError): void; value(): string } {
  const hash: Hash = createHash("sha256");
  return {
    add: (row) => void hash.update(row instanceof ZerothError ? `${row.message}\n` : `${rowText(row)}\n`),
    value: () => hash.copy().digest("hex").slice(0, 32),
  };
}

/** How far it came, for whoever stopped it. */
function stopped(error: unknown, done: number, path: string | undefined, input: string | undefined): unknown {
  const known = asKnown(error);
  if (known?.code !== "interrupted" || input === undefined) return error;
  const rows = `${done.toLocaleString("en")} row${done === 1 ? " is" : "s are"} done`;
  const hint =
    path === undefined
      ? `${rows}; a job with --output FILE can be gone on with`
      : `${rows} and kept in ${path}.partial; the same command with --resume goes on`;
  return new ZerothError("interrupted", `stopped on request, ${rows}`, { hint, cause: known });
}

/** @throws wrong_use for options that do not go together */
function checkFlags({ input, output: path, resume, overwrite }: RowFlags): void {
  if (path === undefined) {
    const name = resume ? "--resume" : overwrite ? "--overwrite" : undefined;
    if (name) fail("wrong_use", `${name} is for an --output`, { hint: "name the file with --output FILE" });
  } else if (input === undefined) fail("wrong_use", "--output is for the rows of --input");
  if (resume && overwrite) fail("wrong_use", "--resume goes on with what is there, --overwrite begins anew");
}

/**
 * Open what a command is to work on, and see to it that its results have a place, before a model is opened.
 * @returns undefined where everything is done already
 * @throws as `openInput` and `needResults` do
 */
export async function openRowJob(
  command: string,
  { flags, given, output, signal }: Given,
): Promise<RowJob | undefined> {
  checkFlags(flags);
  const { input, output: path, resume = false, overwrite = false } = flags;
  if (path !== undefined && !needResults({ path, resume, overwrite })) {
    output.say(`${path} is whole already: nothing is done (--overwrite makes it anew)`);
    output.row({ done: true, output: path });
    return undefined;
  }
  const rowsIn = input === undefined ? given : await openInput(input, { signal, say: (text) => output.say(text) });

  return {
    json: output.json || path !== undefined,
    async run(work) {
      const results =
        path === undefined
          ? undefined
          : await openResults({ path, resume, overwrite }, identityOf(command, flags, work.model));
      const begun = results?.begin ?? { rows: 0, failed: 0, hash: "" };
      if (begun.rows > 0) output.say(`${path}: going on behind ${begun.rows.toLocaleString("en")} rows`);
      const hash = inputHash();
      const follow = followRows(work.things, { input: input ?? given.length, begun: begun.rows }, output);
      let { failed } = begun;
      let before = 0;
      const most = mostRows(work.model.bytes);
      const batches = batchesOf<InputRow | ZerothError>(rowsIn, {
        // The first results come soon.
        rows: (done) => Math.min(most, done + 8),
        // What comes from a program is answered as it comes; of a file each batch is whole.
        patience: input === "-" ? 50 : 600_000,
      });
      try {
        for await (const all of batches) {
          const known = Math.min(all.length, Math.max(0, begun.rows - before));
          const rows = all.slice(known);
          if (path !== undefined) for (const row of all.slice(0, known)) hash.add(row);
          before += known;
          if (known > 0 && before === begun.rows && hash.value() !== begun.hash) {
            fail("bad_input", `${begun.rows} rows of it are done, and they were other rows`, {
              where: input!,
              hint: "give the same input to go on, or --overwrite to begin anew",
            });
          }
          if (rows.length === 0) continue;
          const at = before;
          const onDone = (done: number) => follow(at + done);
          const made = await work.batch(rows, { before, onDone });
          const lines: string[] = [];
          for (const [i, one] of made.entries()) {
            const row = rows[i]!;
            hash.add(row);
            const id = row instanceof ZerothError || row.id === undefined ? {} : { id: row.id };
            if (one instanceof ZerothError) {
              // A single thing has no others to save: its error is the command's.
              if (input === undefined && given.length === 1) throw one;
              failed++;
              const error = errorRow(one, id.id);
              if (results) lines.push(rowText(error));
              else output.row(error);
              if (!results && work.showError) work.showError(one, before + i + 1);
              else if (!output.json) output.say(`row ${before + i + 1}: ${one.message}`);
            } else if (results) lines.push(rowText({ ...id, ...one.row }));
            else {
              output.row({ ...id, ...one.row });
              one.show();
            }
          }
          before += rows.length;
          await results?.write(lines.map((line) => `${line}\n`).join(""), { rows: before, failed, hash: hash.value() });
          follow(before);
        }
        if (before < begun.rows) {
          fail("bad_input", `has ${before} rows, and ${begun.rows} are done already`, {
            where: input!,
            hint: "give the same input to go on, or --overwrite to begin anew",
          });
        }
      } catch (error) {
        await results?.pause().catch(() => undefined);
        throw stopped(error, Math.max(before, begun.rows), path, input);
      }
      if (results) await finished(results, before, failed);
      return failed > 0 ? 1 : 0;
    },
  };

  async function finished(results: ResultsFile, count: number, failed: number): Promise<void> {
    await results.finish();
    const errors = failed > 0 ? `, ${failed.toLocaleString("en")} of them errors` : "";
    output.say(`${count.toLocaleString("en")} rows in ${path}${errors}`);
    output.row({ done: true, output: path, rows: count, failed });
  }
}
