/** `zeroth index build` and `update`. */
import { existsSync } from "node:fs";
import { fail } from "../../errors.ts";
import { type BuildOptions, buildIndex, settingsOf } from "../../retrieve/build-node.ts";
import type { Stemming } from "../../retrieve/lexical/analyse.ts";
import type { EngineFlags } from "../engine.ts";
import type { Output } from "../output.ts";
import { errorRow } from "../report.ts";
import { openEmbedders, openIndexModel } from "./open.ts";

export interface Call {
  readonly paths: readonly string[];
  readonly store: string;
  readonly flags: EngineFlags & {
    readonly chunk?: number | undefined;
    readonly overlap?: number | undefined;
    readonly stem?: Stemming | undefined;
    readonly queryModel?: string | undefined;
    readonly documentPrompt?: string | undefined;
    readonly queryPrompt?: string | undefined;
    readonly dimensions?: number | undefined;
    readonly output?: string | undefined;
    readonly table?: string | undefined;
  };
  readonly output: Output;
  readonly signal: AbortSignal;
}

const count = (n: number, thing: string): string => `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;

export async function build(
  mode: BuildOptions["mode"],
  { paths, store, flags, output, signal }: Call,
): Promise<number> {
  if (mode === "build" && paths.length === 0) {
    fail("wrong_use", "there is nothing to index", {
      hint: "name files and folders: zeroth index build notes --store notes.index",
    });
  }
  const { documentPrompt, queryPrompt, dimensions, model, queryModel } = flags;
  // An update keeps what the index was made with, unless something else is asked for.
  const before = mode === "update" && existsSync(store) ? settingsOf(store) : undefined;
  const opened =
    model !== undefined
      ? await openEmbedders(model, queryModel, flags, { documentPrompt, queryPrompt, dimensions }, output, signal)
      : before?.model && (await openIndexModel(before, flags, output, signal));
  try {
    const started = performance.now();
    const built = await buildIndex({
      ...{ store, paths, mode, signal },
      embedder: opened?.embedder,
      chunk: flags.chunk ?? before?.chunk,
      overlap: flags.overlap ?? before?.overlap,
      stemming: flags.stem ?? before?.stemming,
      events: {
        document: (row) => output.row(row),
        failed(document, error) {
          output.row({ document, ...errorRow(error, undefined) });
          output.say(error.message.includes(document) ? error.message : `${document}: ${error.message}`);
        },
        skipped: (kinds) =>
          output.say(`left out: ${[...kinds].map(([kind, n]) => count(n, `${kind} file`)).join(", ")}`),
        noted: (document, note) => output.say(`${document}: ${note}`),
        removed: (document) => output.say(`gone: ${document}`),
        progress(done, total, embedded) {
          const seconds = (performance.now() - started) / 1000;
          const speed = embedded > 0 ? `, ${(embedded / seconds).toFixed(0)} chunks/s` : "";
          output.progress(`${done.toLocaleString("en")} of ${count(total, "file")}${speed}`);
        },
      },
    });
    output.row({ done: true, ...built });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const how = opened ? `vectors of ${opened.embedder.settings.name}` : "words alone (--model adds vectors)";
    output.text(
      `${output.bold(store)}: ${count(built.documents, "document")}, ${count(built.chunks, "chunk")}, ${how}; ${built.reused.toLocaleString("en")} reused, ${seconds} s\n`,
    );
    return built.failed > 0 ? 1 : 0;
  } finally {
    await opened?.[Symbol.asyncDispose]();
  }
}
