/** `zeroth search`: where in one's own documents something stands. */
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine, rows } from "../options.ts";
import { backendOptions } from "../retrieve/backend-options.ts";

export default defineCommand({
  group: "search",
  summary: "Search an index of documents: by words, by meaning, or by both",
  arguments: "[query...]",
  options: [
    { flags: "--store <file>", help: "the index's file, of zeroth index build" },
    ...backendOptions,
    ...rows,
    { flags: "-k, --k <n>", help: "hits (10)", as: "integer" },
    {
      flags: "--mode <mode>",
      help: "hybrid (default), dense: vectors alone, bm25: words alone",
      values: ["hybrid", "dense", "bm25"],
    },
    { flags: "--rerank <model>", help: "order the best by a ranker that reads question and passage together" },
    { flags: "--candidates <n>", help: "hits that are fused (100), or ranked (50)", as: "integer" },
    {
      flags: "--weight <w>",
      help: "hybrid: add scores, the vectors' with this share, in the place of ranks",
      as: "number",
    },
    { flags: "--filter <expression>", help: 'only these: path ~ "guides/" and modified > 2024-01-01' },
    { flags: "--label <name>", help: "of a ranker with several classes the one that is the score" },
    { flags: "--k1 <k1>", help: "BM25: how soon a repeated word adds no more (1.2)", as: "number" },
    { flags: "--b <b>", help: "BM25: how much long chunks are held back (0.75)", as: "number" },
    { flags: "--bits <n>", help: "8: look at rounded vectors first, which is faster for many", values: ["32", "8"] },
    { flags: "-m, --model <name>", help: "where the index's model is now, if it has moved; of --backend the model" },
    { flags: "--query-model <name>", help: "where its model of questions is now, if it has one" },
    ...engine,
  ],
  rows: '`{"query"}` → `{"hits":[{"document","chunk","score","text","start","end","page"?,"heading"?,"title","hash","scores"}]}`',
  example: 'zeroth search "how do bees make wax" --store notes.index',
  async run({ args, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const queries = flags.input ? args : await givenTexts(args, { output, signal });
    if (queries.length === 0 && !flags.input)
      fail("wrong_use", "there is no question", { hint: 'try: zeroth search "a question" --store notes.index' });
    if (queries.length > 0 && flags.input) fail("wrong_use", "give questions or --input, not both");
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { jobsOf } = await import("../jobs.ts");
    const { openRowJob } = await import("../rows/run.ts");
    const { openRanker } = await import("../retrieve/open.ts");
    const { openSearched } = await import("../retrieve/searched.ts");
    const { hitsText } = await import("../retrieve/hits.ts");
    const job = await openRowJob("search", { flags, given: queries.map((query) => ({ query })), output, signal });
    if (job === undefined) return 0;
    await using searched = await openSearched(flags, output, signal);
    const { index, name } = searched;
    await using ranker = flags.rerank === undefined ? undefined : await openRanker(flags.rerank, flags, output, signal);
    const code = await job.run({
      model: { name, path: name, files: [], bytes: 0 },
      things: "questions",
      async batch(inputs) {
        const jobs = jobsOf(inputs, (row) => textOf(row, "query"));
        const good = jobs.filter((one): one is string => typeof one === "string");
        const found = await index.search(good, {
          ...{
            mode: flags.mode,
            k: flags.k,
            filter: flags.filter,
            candidates: flags.candidates,
            weight: flags.weight,
          },
          ...{ k1: flags.k1, b: flags.b, rerank: ranker?.ranker.score, signal },
        });
        return jobs.map((one) => {
          const hits = one instanceof ZerothError ? one : found.shift()!;
          if (hits instanceof ZerothError) return hits;
          const title = queries.length > 1 || flags.input ? `${output.bold(String(one))}\n` : "";
          return { row: { hits }, show: () => output.text(`${title}${hitsText(hits, output)}`) };
        });
      },
    });
    const cut = ranker?.ranker.truncated() ?? 0;
    if (cut > 0)
      output.say(
        `the ranker read only the beginning of ${cut.toLocaleString("en")} passages, which are longer than it reads`,
      );
    return code;
  },
});
