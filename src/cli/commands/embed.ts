/** `zeroth embed`: texts as vectors, and how near they are to each other. */
import { fail, ZerothError } from "../../errors.ts";
import type { EmbeddingConfig } from "../../text/embedding/embed.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, model, rows } from "../options.ts";
import type { Output } from "../output.ts";

/** Nine digits tell every float32 from its neighbours. */
const digits = (vector: Float32Array): number[] => Array.from(vector, (value) => Number(value.toPrecision(9)));

/** What a person should know about these vectors, once. */
function sayHow({ told, pooling, prompts }: EmbeddingConfig, name: string, asked: boolean, output: Output): void {
  if (!told && !asked) {
    const words = pooling[0] === "last" ? "the last token's output" : "the mean of the tokens' outputs";
    output.say(`the folder does not say how its vectors are made: taking ${words} (--pooling says otherwise)`);
  }
  // Models that were trained with a word before every text, and whose older folders do not say so.
  if (/(^|[/_-])e5[_-]/i.test(name) && Object.keys(prompts).length === 0) {
    output.say('models called e5 expect "query: " or "passage: " before every text: --prompt-text "query: "');
  }
}

export default defineCommand({
  group: "use",
  summary: "Texts as vectors, and how near they are to each other",
  arguments: "[text|file...]",
  options: [
    model,
    ...rows,
    {
      flags: "--pooling <mode>",
      help: "a text's vector: of its first token (cls), of its last one, or their mean; as the folder says",
      values: ["cls", "mean", "last"],
    },
    { flags: "--normalize", help: "vectors of length 1" },
    { flags: "--dimensions <n>", help: "the first n numbers alone, of models trained for it", as: "integer" },
    { flags: "--prompt <name>", help: "the folder's text of this name before every text: query, document, …" },
    { flags: "--prompt-text <text>", help: "this text before every text" },
    adapter,
    ...engine,
  ],
  rows: '`{"text"}` → `{"embedding":[…]}`',
  example: 'zeroth embed --model sentence-transformers/all-MiniLM-L6-v2 "a warm coat" "a thick jacket" "a cold soup"',
  async run({ args: typed, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const args = flags.input ? typed : await givenTexts(typed, { output, signal });
    if (args.length === 0 && !flags.input) {
      fail("wrong_use", "there is no text", { hint: 'try: zeroth embed --model NAME "one text" "another text"' });
    }
    if (args.length > 0 && flags.input) fail("wrong_use", "give texts or --input, not both");
    if (flags.model === undefined) {
      fail("wrong_use", "--model is needed: zeroth-nano answers prompts and gives no vectors", {
        hint: "for example --model sentence-transformers/all-MiniLM-L6-v2",
      });
    }
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { jobsOf } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { openReaderForCommand } = await import("../engine.ts");
    const { similarityTable } = await import("../embed/table.ts");
    const { textsOf } = await import("../embed/texts.ts");
    const given = textsOf(args);
    const asRows = given.map(({ text, file }) => ({ text, ...(file !== undefined && { file }) }));
    const job = await openRowJob("embed", { flags, given: asRows, output, signal });
    if (job === undefined) return 0;
    await using opened = await openReaderForCommand(flags, output, signal);
    const { encoder } = opened;
    sayHow(encoder.embedding, opened.name, flags.pooling !== undefined, output);
    const options = {
      prompt: flags.prompt,
      promptText: flags.promptText,
      dimensions: flags.dimensions,
      normalize: flags.normalize,
      signal,
    };
    const kept: Float32Array[] = [];
    const code = await job.run({
      model: modelOf(opened),
      things: "texts",
      async batch(inputs, { before, onDone }) {
        const jobs = jobsOf(inputs, (row) => textOf(row, "text"));
        const good = jobs.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
        const vectors = await encoder.embedAll(good, { ...options, onDone });
        return jobs.map((one, i) => {
          const result = one instanceof ZerothError ? one : vectors.shift()!;
          if (result instanceof ZerothError) return result;
          if (!flags.input) kept.push(result);
          const file = given[before + i]?.file;
          const show = () => {
            if (flags.input) output.text(`${digits(result).join("\t")}\n`);
          };
          return { row: { ...(file !== undefined && { file }), embedding: job.json ? digits(result) : [] }, show };
        });
      },
      showError(error, row) {
        if (!output.json) output.say(`${given[row - 1]?.file ?? `row ${row}`}: ${error.message}`);
      },
    });
    if (!flags.input && code === 0) {
      const names = given.map(({ text, file }) => file ?? text);
      if (!output.json) output.text(similarityTable(names, kept, encoder.embedding.similarity, output));
    }
    return code;
  },
});
