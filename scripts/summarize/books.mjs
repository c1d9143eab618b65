/**
 * Whole books through rules and models: minutes, calls, tokens, ROUGE beside NarrativeQA's summaries, and the share of
 * supported sentences by height.
 *
 *   node scripts/summarize/books.mjs --data BOOKS --out results.jsonl [--model NAME=DIR,…] [--books 8] [--leaves N]
 *     [--work DIR] [--context MODE] [--concurrency 8]
 *
 * BOOKS has the books as .txt and narrativeqa-summaries.jsonl ({"book_file","summary"}). Those with a summary are taken,
 * the shortest first. extractive and lead are always among the models. --leaves cuts a book short behind so many parts of
 * 600 tokens; ROUGE then says little, as references are of whole books. A line a book and model is added to --out; what
 * stands there already is not done again, and a run that was stopped goes on in --work.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readState, viewOf } from "../../dist/index.js";
import { rouge } from "../../dist/text/metrics/rouge.js";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string" },
    model: { type: "string", default: "" },
    books: { type: "string", default: "8" },
    leaves: { type: "string" },
    work: { type: "string" },
    context: { type: "string" },
    concurrency: { type: "string", default: "8" },
  },
});
const { data, out, context, concurrency } = values;
if (!data || !out) throw new Error("--data and --out are needed: the folder of the books, and the file of results");
const leaves = values.leaves === undefined ? undefined : Number(values.leaves);
const work = resolve(values.work ?? `${out}.runs`);
const program = new URL("../../bin/zeroth.js", import.meta.url).pathname;
mkdirSync(work, { recursive: true });
mkdirSync(dirname(resolve(out)), { recursive: true });

const lines = (path) =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
const done = new Set(lines(out).map(({ book, model, leaves: cut }) => `${book} ${model} ${cut ?? "all"}`));
const references = new Map(lines(join(data, "narrativeqa-summaries.jsonl")).map((row) => [row.book_file, row.summary]));
const books = [...references.keys()]
  .filter((name) => existsSync(join(data, name)))
  .sort((a, b) => statSync(join(data, a)).size - statSync(join(data, b)).size)
  .slice(0, Number(values.books));
const models = [
  ["extractive", "extractive"],
  ["lead", "lead"],
  ...values.model
    .split(",")
    .filter(Boolean)
    .map((one) => (one.includes("=") ? one.split(/=(.*)/s).slice(0, 2) : [basename(one), one])),
];

const [leafTokens, charactersPerToken] = [600, 4.2];

/** The book itself, cut behind so many parts. */
function bookFile(name) {
  const path = join(data, name);
  if (leaves === undefined) return path;
  const text = readFileSync(path, "utf8");
  const start = /^\*\*\* ?START OF.*\*\*\*$/m.exec(text);
  const body = start ? text.slice(start.index + start[0].length) : text;
  const end = body.indexOf("\n\n", Math.round(leaves * leafTokens * charactersPerToken));
  const cut = join(work, `${basename(name, ".txt")}-${leaves}.txt`);
  writeFileSync(cut, end < 0 ? body : body.slice(0, end));
  return cut;
}

/** The last row of a run; earlier ones are how far it was. */
const summarize = (args) =>
  new Promise((settle, reject) => {
    const child = spawn(process.execPath, [program, "summarize", ...args, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let [rest, last] = ["", undefined];
    child.stdout.setEncoding("utf8").on("data", (piece) => {
      const parts = (rest + piece).split("\n");
      rest = parts.pop();
      for (const part of parts) if (part) last = JSON.parse(part);
    });
    child.on("close", (code) => (code === 0 && last?.done ? settle(last) : reject(new Error(`exit code ${code}`))));
  });

const words = (text) => text.match(/\S+/g)?.length ?? 0;
const scores = ({ precision: p, recall: r, f }) => ({
  ...{ p: Number(p.toFixed(4)), r: Number(r.toFixed(4)), f: Number(f.toFixed(4)) },
});

for (const book of books) {
  for (const [model, where] of models) {
    if (done.has(`${book} ${model} ${leaves ?? "all"}`)) continue;
    const folder = join(work, `${basename(book, ".txt")}-${model}-${leaves ?? "all"}`);
    const began = performance.now();
    const flags = [...(context ? ["--context", context] : []), "--concurrency", concurrency];
    const told = await summarize([bookFile(book), "--model", where, "--out", folder, ...flags]);
    const seconds = (performance.now() - began) / 1000;
    const { nodes, root } = viewOf(readState(folder));
    const summary = root.text ?? "";
    // As the paper compares: the level below the root is as long as the references are.
    const below = nodes.filter(({ node }) => node.depth === 1).map(({ text }) => text ?? "");
    const second = below.length > 0 ? below.join("\n") : summary;
    const reference = references.get(book);
    // Of all lives of the run; time is the last one's, which "resumed" says.
    const made = nodes.flatMap(({ summary }) => summary?.made ?? []);
    const sum = (of) => made.reduce((total, one) => total + of(one), 0);
    const row = {
      ...{ book, model, ...(leaves !== undefined && { leaves }), nodes: told.nodes, calls: made.length },
      ...{ ...(told.calls < made.length && { resumed: true }), retries: sum(({ retries }) => retries) },
      ...{ minutes: Number((seconds / 60).toFixed(2)), input_tokens: sum(({ inTokens }) => inTokens) },
      output_tokens: sum(({ outTokens }) => outTokens),
      ...{ output_tokens_per_second: Number((told.output_tokens / seconds).toFixed(1)) },
      ...{ words: words(summary), depth1_words: words(second), reference_words: words(reference) },
      rougeL: scores(rouge(summary, reference, "rougeL", { stem: true })),
      depth1_rougeL: scores(rouge(second, reference, "rougeL", { stem: true })),
      ...{ sentences: told.sentences, unsupported: told.unsupported, support: told.support },
    };
    appendFileSync(out, `${JSON.stringify(row)}\n`);
    process.stdout.write(`${JSON.stringify(row)}\n`);
  }
}
