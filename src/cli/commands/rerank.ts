/** `zeroth rerank`: documents in the order in which they answer a question, by a model that reads both together. */
import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine, model, rows } from "../options.ts";

/** A question and its documents. */
function rankJob(row: InputRow, query: unknown): { readonly query: string; readonly documents: readonly string[] } {
  const { documents } = row;
  if (typeof query !== "string")
    fail("bad_input", query === undefined ? 'the row has no "query"' : '"query" is no text');
  if (!Array.isArray(documents) || documents.length === 0 || !documents.every((one) => typeof one === "string")) {
    fail("bad_input", '"documents" must be a list of at least one text');
  }
  return { query, documents };
}

export default defineCommand({
  group: "search",
  summary: "Order documents by how well they answer a question, with a cross-encoder",
  arguments: "[query] [document...]",
  options: [
    model,
    ...rows,
    { flags: "--label <name>", help: "of a model with several classes the one that is the score" },
    ...engine,
  ],
  rows: '`{"query","documents":[…]}` → `{"scores":[…],"order":[indices, best first]}`',
  example: 'zeroth rerank --model cross-encoder/ms-marco-MiniLM-L6-v2 "who makes wax" "Bees make wax." "Wolves hunt."',
  async run({ args, flags, output, signal }) {
    const [query, ...typed] = args;
    if (args.length > 0 && flags.input) fail("wrong_use", "give a question and documents or --input, not both");
    if (!flags.input && typed.length === 0) {
      fail("wrong_use", query === undefined ? "there is no question" : "there are no documents", {
        hint: 'try: zeroth rerank --model NAME "a question" "one document" "another"',
      });
    }
    if (flags.model === undefined) {
      fail("wrong_use", "--model is needed: zeroth-nano ranks nothing", {
        hint: "for example --model cross-encoder/ms-marco-MiniLM-L6-v2",
      });
    }
    const { jobsOf } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { openRanker } = await import("../retrieve/open.ts");
    const { textsOf } = await import("../embed/texts.ts");
    const documents = textsOf(typed);
    const given = flags.input ? [] : [{ query: query!, documents: documents.map(({ text }) => text) }];
    const job = await openRowJob("rerank", { flags, given, output, signal });
    if (job === undefined) return 0;
    await using opened = await openRanker(flags.model, flags, output, signal);
    const code = await job.run({
      model: modelOf(opened.opened),
      things: "questions",
      async batch(inputs, { onDone }) {
        const results = [];
        for (const one of jobsOf(inputs, (row) => rankJob(row, row.query))) {
          results.push(one instanceof ZerothError ? one : await rank(one));
          onDone(results.length);
        }
        return results;
      },
    });
    const cut = opened.ranker.truncated();
    if (cut > 0)
      output.say(
        `only the beginning of ${cut.toLocaleString("en")} documents was read, which are longer than the model reads`,
      );
    return code;

    async function rank({ query: asked, documents: texts }: ReturnType<typeof rankJob>) {
      const found = await opened.ranker.score(asked, texts, { signal });
      const failed = found.find((one): one is ZerothError => one instanceof ZerothError);
      if (failed) return failed;
      const scores = found as number[];
      const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
      const nameOf = (i: number) =>
        (flags.input ? texts[i]! : (documents[i]!.file ?? documents[i]!.text)).replace(/\s+/g, " ");
      const show = () =>
        output.text(
          `${order.map((i) => `${scores[i]!.toFixed(4).padStart(9)}  ${nameOf(i).slice(0, 200)}\n`).join("")}`,
        );
      return { row: { scores, order }, show };
    }
  },
});
