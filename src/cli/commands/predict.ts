/** `zeroth predict`: what a trained head tells of texts: classes, tags, answers, hidden words, choices. */

import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, model, rows } from "../options.ts";
import type { Predict, Predicted } from "../predict/tasks.ts";

export default defineCommand({
  group: "use",
  summary: "What a model's trained head says: labels, tags, answers, hidden words, choices",
  arguments: "[text...]",
  options: [
    model,
    ...rows,
    { flags: "--pair <text>", help: "a second text, read together with the first" },
    { flags: "--context <text>", help: "the passage that holds the answer to a question" },
    { flags: "--choices <a,b>", help: "what may follow the text", as: "list" },
    { flags: "--top <n>", help: "hidden words: so many for every mask (5)", as: "integer" },
    { flags: "--max-answer <n>", help: "answers of at most so many tokens (30)", as: "integer" },
    { flags: "--unanswerable", help: "the passage may lack the answer (models of SQuAD 2)" },
    adapter,
    ...engine,
  ],
  rows: [
    '`{"text"[,"text_pair"]}` → `{"label","probabilities","logits"}`',
    '`{"text"}` or `{"tokens":[words]}` → `{"tags","spans","logits"}`',
    '`{"question","context"}` → `{"answer","start","end","score","no_answer_score"}`',
    'a text with masks → `{"text","masks"}`',
    '`{"text","choices"}` → `{"choice","best","probabilities","logits"}`',
  ].join("; "),
  example: 'zeroth predict --model distilbert/distilbert-base-uncased-finetuned-sst-2-english "A warm, funny film."',
  async run({ args, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const texts = flags.input ? args : await givenTexts(args, { output, signal });
    const { pair, context, choices, top, maxAnswer } = flags;
    if (texts.length === 0 && !flags.input) {
      fail("wrong_use", "there is no text", { hint: 'try: zeroth predict --model NAME "a text", or --input FILE' });
    }
    if (flags.input && (texts.length > 0 || pair !== undefined || context !== undefined || choices)) {
      fail("wrong_use", "with --input the texts are those of its rows", { hint: "give texts or --input, not both" });
    }
    for (const [name, value] of Object.entries({ "--top": top, "--max-answer": maxAnswer })) {
      if (value !== undefined && value < 1) fail("wrong_use", `${name} is ${value}; expected a number above 0`);
    }
    if (flags.model === undefined) {
      fail("wrong_use", "--model is needed: zeroth-nano answers prompts and has no head of its own", {
        hint: "a folder or a name of the hub whose model was trained for classes, tags, answers or hidden words",
      });
    }
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { openReaderForCommand } = await import("../engine.ts");
    const { byAdapter, openedModels } = await import("../adapters.ts");
    const { askedFor, predictionOf } = await import("../predict/tasks.ts");
    const given = texts.map((text) => ({
      ...(context === undefined ? { text } : { question: text, context }),
      ...(pair !== undefined && { text_pair: pair }),
      ...(choices && { choices }),
    }));
    const job = await openRowJob("predict", { flags, given, output, signal });
    if (job === undefined) return 0;
    const name = flags.model;
    await using models = openedModels((own) =>
      openReaderForCommand(own === undefined ? flags : { ...flags, adapter: own }, output, signal),
    );
    const opened = await models.of();
    if (!flags.input) {
      const head = opened.encoder.head!;
      const lacks = { span: context === undefined, choice: choices === undefined };
      if ((head === "span" || head === "choice") && lacks[head])
        fail("wrong_use", `this model takes ${askedFor[head]}`, { where: name });
    }
    const predict: Predict = (given, options) =>
      byAdapter<InputRow, Predicted>(given, async (part, own) =>
        predictionOf(await models.of(own), name, output, flags)(part, options),
      );
    return await job.run({
      model: modelOf(opened),
      things: "texts",
      async batch(inputs, { before, onDone }) {
        const results = await predict(inputs, { signal, onDone });
        return results.map((result, i) => {
          if (result instanceof ZerothError) return result;
          const { row, line, picture } = result;
          const show = () => {
            if (flags.input) output.answer(`${line}\n`);
            else if (!output.json) output.text(`${before + i > 0 ? "\n" : ""}${picture()}`);
          };
          return { row, show };
        });
      },
    });
  },
});
