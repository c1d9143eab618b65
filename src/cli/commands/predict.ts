/** `zeroth predict`: what a trained head tells of texts: classes, tags, answers, hidden words, choices. */

import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, input, model } from "../options.ts";
import type { Predict, Predicted } from "../predict/tasks.ts";

export default defineCommand({
  group: "use",
  summary: "What a model's trained head says: labels, tags, answers, hidden words, choices",
  arguments: "[text...]",
  options: [
    model,
    input,
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
  async run({ args: texts, flags, output, signal }) {
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
    const { inputBatches } = await import("../jobs.ts");
    const { openReaderForCommand } = await import("../engine.ts");
    const { errorRow } = await import("../report.ts");
    const { byAdapter, openedModels } = await import("../adapters.ts");
    const { askedFor, predictionOf } = await import("../predict/tasks.ts");
    const given = texts.map((text) => ({
      ...(context === undefined ? { text } : { question: text, context }),
      ...(pair !== undefined && { text_pair: pair }),
      ...(choices && { choices }),
    }));
    const batches = await inputBatches(flags.input, given, { output, signal });
    const name = flags.model;
    await using models = openedModels((own) =>
      openReaderForCommand(own === undefined ? flags : { ...flags, adapter: own }, output, signal),
    );
    if (!flags.input) {
      const { encoder } = await models.of();
      const head = encoder.head!;
      const lacks = { span: context === undefined, choice: choices === undefined };
      if ((head === "span" || head === "choice") && lacks[head])
        fail("wrong_use", `this model takes ${askedFor[head]}`, { where: name });
    }
    const predict: Predict = (rows, options) =>
      byAdapter<InputRow, Predicted>(rows, async (part, own) =>
        predictionOf(await models.of(own), name, output, flags)(part, options),
      );
    let failed = false;
    let before = 0;
    for await (const rows of batches) {
      const onDone = (done: number) => output.progress(`${before + done} texts`);
      const results = await predict(rows, { signal, onDone });
      for (const [i, result] of results.entries()) {
        const row = rows[i]!;
        const id = row instanceof ZerothError ? undefined : row.id;
        if (result instanceof ZerothError) {
          if (!flags.input && rows.length === 1) throw result;
          failed = true;
          output.row(errorRow(result, id));
          if (!output.json) output.say(`row ${before + i + 1}: ${result.message}`);
          continue;
        }
        output.row({ ...(id !== undefined && { id }), ...result.row });
        if (flags.input) output.answer(`${result.line}\n`);
        else if (!output.json) output.text(`${i > 0 ? "\n" : ""}${result.picture()}`);
      }
      before += rows.length;
    }
    return failed ? 1 : 0;
  },
});
