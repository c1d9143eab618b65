/** `summarize`: books as trees of summaries, every sentence with its source; a partition is a book. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { exported } from "../../summarize/export/export.ts";
import { startRun } from "../../summarize/run/run-node.ts";
import { contextModes } from "../../summarize/run/settings.ts";
import { readState } from "../../summarize/run/state-node.ts";
import { localWriter } from "../../summarize/writers/local-node.ts";
import { promptStyles } from "../../summarize/writers/prompts.ts";
import { ruleNames, ruleWriter } from "../../summarize/writers/rules.ts";
import { closing, type Writer } from "../../summarize/writers/writer.ts";
import { openLanguageModel } from "../../text/open-node.ts";
import { hashInput, hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob, unkeyed } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";

const count = z.number().int().positive();

const config = z.strictObject({
  ...modelKeys,
  // A rule has no weights that could be hashed: its name says what it is.
  model: modelKeys.model.default("zeroth-nano").describe("folder or name of the hub (zeroth-nano)"),
  rule: z.enum(ruleNames).optional().describe("sentences of the book by rule, in the place of a model"),
  books: unkeyed(z.array(z.string()).min(1).describe("books, and folders of them")),
  leafTokens: count.default(600).describe("tokens of a leaf (600, or what fits)"),
  limits: z
    .array(count)
    .length(3)
    .optional()
    .describe("most tokens of a summary of text, of leaves, and above (128,192,384)"),
  context: z.enum(contextModes).optional().describe("earlier summaries in a prompt (subtree; small windows: none)"),
  byChapter: z.boolean().default(false).describe("a subtree for each chapter"),
  until: z.string().optional().describe("only what stands before this heading"),
  question: z.string().optional().describe("ask this of the book"),
  prompt: z.enum(promptStyles).optional().describe("how the model is asked (by its kind)"),
  window: count.optional().describe("tokens that the model reads (its own, at most 2048)"),
  concurrency: unkeyed(count.optional().describe("calls at once (8)")),
  temperature: z.number().min(0).max(2).optional().describe("draw answers (the likeliest)"),
  seed: z.number().int().nonnegative().default(0).describe("another than 0: another sectioning, and other draws (0)"),
  keepAll: z.boolean().default(false).describe("licences, title pages and tables of contents too"),
  leastSupport: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("share of the summary's sentences that must be traced (1)"),
});
type Config = z.output<typeof config>;

const isBook = (name: string): boolean =>
  /\.(?:txt|md|markdown|html?|xhtml|epub)$/i.test(name) && !name.startsWith(".");

/** Books by their names, each once. @throws not_found, bad_input for two of one name */
function booksOf({ books }: Config): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of books) {
    if (!existsSync(path)) fail("not_found", "no such book or folder", { where: path });
    const all = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter(isBook)
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const book of all) {
      const name = basename(book);
      if ((found.get(name) ?? book) !== book)
        fail("bad_input", `two books are called ${name}`, { where: book, hint: "rename one of them" });
      found.set(name, book);
    }
  }
  if (found.size === 0)
    fail("not_found", "there is no book", { where: books.join(", "), hint: "books are .txt, .md, .html and .epub" });
  return found;
}

const bookOf = (settings: Config, partition: string): string =>
  booksOf(settings).get(partition) ?? fail("wrong_use", `there is no book "${partition}"`);

async function openWriter(settings: Config, signal: AbortSignal): Promise<Writer> {
  const { rule, model, concurrency, window, prompt: style, temperature } = settings;
  if (rule !== undefined) return ruleWriter(rule);
  const { base, adapter } = withoutAdapter(model);
  const opened = await openLanguageModel(base, { ...openOptions(settings, adapter), download: { signal } });
  return closing(localWriter(opened, { name: model, concurrency, window, style, temperature }), opened);
}

export default defineJob({
  name: "summarize",
  version: 1,
  summary: "Books as trees of summaries, every sentence with its source; a partition is a book",
  checks: { provenance_complete: "ERROR", length_ok: "WARN" },
  config,
  partitions: async (settings) => [...booksOf(settings).keys()],
  async inputs(settings, partition, signal) {
    return {
      inputs: [{ name: "book", sha256: await hashInput(bookOf(settings, partition)) }],
      ...(settings.rule === undefined && (await hashModel(settings.model, signal))),
    };
  },
  open: openWriter,
  async run({ config: settings, partition, work, out, signal, tell, opened: writer }) {
    const { leafTokens, limits, context, byChapter, until, question, seed, keepAll, leastSupport } = settings;
    const folder = join(work, "run");
    let [nodes, done, most] = [0, 0, 0];
    const options = {
      ...{ leafTokens, context, until, question, seed, keepAll },
      ...(limits && { limits: limits as [number, number, number] }),
      ...(byChapter && { by: "chapter" as const }),
    };
    const { summary, sentences, unsupported, warnings } = await startRun({
      ...{ path: bookOf(settings, partition), folder, writer, signal },
      options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
      source: { model: settings.rule ?? settings.model },
      planned({ tree, settings: planned }) {
        nodes = tree.nodes.length;
        most = planned.limits[2];
      },
      events: {
        node: () => tell({ event: "progress", done: ++done, total: Math.max(nodes, done), unit: "summaries" }),
        warn: (message) => tell({ event: "log", level: "WARNING", message }),
      },
    });
    if (summary === undefined) fail("check_failed", "the book has no summary yet", { where: partition });
    for (const message of warnings) tell({ event: "log", level: "WARNING", message });
    const state = readState(folder);
    for (const [name, form] of [
      ["summary.json", "json"],
      ["summary.md", "md"],
      ["summary.html", "html"],
    ] as const) {
      await writeFileSafely(join(out, name), exported(state, form));
    }
    const tokens = writer.count(summary);
    const traced = sentences - unsupported;
    tell({ event: "metric", name: "nodes", value: nodes });
    tell({ event: "metric", name: "sentences", value: sentences });
    tell({ event: "metric", name: "traced", value: traced });
    tell({
      ...{ event: "check", name: "provenance_complete", passed: sentences > 0 && traced >= leastSupport * sentences },
      about: `${traced} of ${sentences} sentences are traced down to the book`,
    });
    tell({
      ...{ event: "check", name: "length_ok", passed: tokens > 0 && tokens <= most, severity: "WARN" },
      about: `${tokens} tokens, at most ${most}`,
    });
    tell({ event: "preview", markdown: summary.slice(0, 2000).replace(/[\\`*_[\]<>#]/g, "\\$&") });
  },
});
