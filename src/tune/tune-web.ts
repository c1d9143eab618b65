/** Tuning in a browser: a model at an address, rows in memory, an adapter's files in memory as the result. */
import { fail } from "../errors.ts";
import { type FetchFolderOptions, fetchModelParts } from "../folders/fetch-web.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import { compile, type WebCompileOptions } from "../runtime/compile-web.ts";
import { type AdapterContents, adapterContents, adapterFiles, readAdapterContents } from "../text/adapters/files.ts";
import { fingerprintInPage } from "../text/adapters/fingerprint-web.ts";
import type { BaseFolder } from "../text/adapters/read.ts";
import { readInMemory } from "../weights/stored.ts";
import { adapterOf } from "./model.ts";
import { doubts, type TuneOptions } from "./options.ts";
import { prepare, startingValues } from "./prepare.ts";
import type { ReadRows, TuneRow } from "./rows.ts";
import { runTuning, type TuneResult, type TuneRun } from "./tune.ts";

export interface WebTuneRun
  extends TuneRun,
    Omit<FetchFolderOptions, "signal">,
    Pick<WebCompileOptions, "device" | "threads"> {
  /** What the adapter says it was made over; the address by default. */
  readonly baseName?: string | undefined;
}

export interface WebTuneFiles {
  /** Address of the model's folder. */
  readonly model: string | URL;
  readonly rows: readonly TuneRow[];
  /** Rows to judge by; a part of `rows` is held out by default. */
  readonly eval?: readonly TuneRow[] | undefined;
  /** Go on from an adapter's numbers. */
  readonly from?: AdapterContents | undefined;
}

export interface WebTuned extends TuneResult {
  /** Files of the adapter's folder by name, as Node would have written them. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const read = (rows: readonly TuneRow[], file: string): ReadRows => {
  if (rows.length === 0) fail("bad_input", "there are no rows", { where: file });
  return { rows, file, digest: "" };
};

/**
 * Tune in a browser, to the same numbers as in Node from the same rows, options and seed.
 * @throws as fetching the model and reading the rows does; unsupported for full fine-tuning, whose result is a model
 */
export async function tune(files: WebTuneFiles, o: TuneOptions, run: WebTuneRun = {}): Promise<WebTuned> {
  const { device, threads, fetch, onProgress, baseName = String(files.model), ...more } = run;
  const where = String(files.model);
  if (o.method === "full") {
    fail("unsupported", "full fine-tuning makes a whole model, a browser keeps adapters", {
      hint: "take p-tuning-v2, prefix, prompt, lora or head; zeroth tune does the rest",
    });
  }
  const { signal, events = {} } = run;
  const { tokenizer, config, weights } = await fetchModelParts(files.model, {
    ...(fetch && { fetch }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  const host: TrainingHost = {
    compile: (g, weights, moves) =>
      compile(g, {
        ...(device && { device }),
        ...(threads !== undefined && { threads }),
        weights,
        // The engine's own rewriting makes opening a training step much slower, as in Node.
        ...(moves && { trained: moves, optimize: "disabled" }),
      }),
    read: readInMemory,
    now: () => performance.now(),
  };
  const folder: BaseFolder = { config, weights, path: where };
  const subject = {
    folder,
    tokenizer: await tokenizer(),
    data: read(files.rows, "the rows"),
    held: files.eval && read(files.eval, "the rows to judge by"),
    from: files.from && readAdapterContents(files.from),
  };
  const prepared = prepare(subject, o);
  for (const text of doubts(o)) events.warned?.(text);
  const start = await startingValues(prepared, subject, o, host);
  const { result, values } = await runTuning({ prepared, start, host }, o, more);
  const { base, model, data } = prepared;
  const adapter = adapterOf(model, values, start.kept, data.labels);
  const fingerprint = await fingerprintInPage(folder);
  const written = adapterFiles(adapter, base, { baseName, fingerprint, maxLength: o.maxLength });
  return { ...result, files: adapterContents(written) };
}
