/** `zeroth generate`: prompts from the command line or rows of a file to answers. */
import { fail, ZerothError } from "../../errors.ts";
import type { Generated } from "../../text/options.ts";
import { defineCommand } from "../define.ts";
import type { Opened } from "../engine.ts";
import type { AnswerJob } from "../jobs.ts";
import { adapter, engine, generation, input, model } from "../options.ts";
import type { Output } from "../output.ts";

const resultRow = (id: unknown, { text, tokens, finish, promptTokens, score }: Generated) => ({
  ...(id === undefined ? {} : { id }),
  text,
  tokens,
  finish,
  prompt_tokens: promptTokens,
  ...(score === undefined ? {} : { score }),
});

function stats(model: Pick<Opened, "seconds">, results: readonly Generated[], seconds: number, output: Output): void {
  const prompt = results.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const made = results.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const row = {
    load_seconds: model.seconds,
    seconds,
    prompt_tokens: prompt,
    new_tokens: made,
    new_tokens_per_second: made / seconds,
  };
  output.say(
    `opened in ${model.seconds.toFixed(2)} s; ${prompt} prompt and ${made} new tokens in ${seconds.toFixed(2)} s (${row.new_tokens_per_second.toFixed(1)} new tokens/s)`,
  );
  output.row({ stats: row });
}

export default defineCommand({
  group: "use",
  summary: "Answer prompts",
  arguments: "[prompt...]",
  options: [model, input, ...generation, { flags: "--stats", help: "show speeds afterwards" }, adapter, ...engine],
  rows: '`{"prompt"}` or `{"tokens":[…]}`, also `"choices":[…]` → `{"text","tokens","finish","prompt_tokens","score"?}`',
  example: 'zeroth generate "Is this review positive or negative? A warm, funny film."',
  async run({ args: prompts, flags, output, signal }) {
    const { checkGeneration, generationOptions } = await import("../generation.ts");
    const { sayIncomplete, structuredOptions } = await import("../structured.ts");
    const { answerJob, inputBatches, jobsOf } = await import("../jobs.ts");
    const { openForCommand } = await import("../engine.ts");
    const { byAdapter, openedModels } = await import("../adapters.ts");
    const { errorRow } = await import("../report.ts");
    checkGeneration(flags);
    if (prompts.length === 0 && !flags.input) {
      fail("wrong_use", "there is no prompt", {
        hint: 'try: zeroth generate "Is this a fact or an opinion? Snow is cold."',
      });
    }
    if (prompts.length > 0 && flags.input) fail("wrong_use", "give prompts or --input, not both");
    const structured = await structuredOptions(flags);
    const bound = structured.schema !== undefined || structured.grammar !== undefined;
    const batches = await inputBatches(
      flags.input,
      prompts.map((prompt) => ({ prompt })),
      { output, signal },
    );
    await using models = openedModels((own) =>
      openForCommand(own === undefined ? flags : { ...flags, adapter: own }, output, signal),
    );
    const opened = await models.of();
    const picked = { ...generationOptions(flags, output, opened.generation), ...structured, signal };
    const started = performance.now();

    const single = prompts.length === 1 && !flags.choices ? prompts[0] : undefined;
    if (single !== undefined && !output.json) {
      const stream = opened.text.stream(single, picked);
      let step = await stream.next();
      while (!step.done) {
        output.answer(step.value);
        step = await stream.next();
      }
      output.text("\n");
      if (bound) sayIncomplete(structured, step.value.finish === "length" ? 1 : 0, 1, output);
      if (flags.stats) stats(opened, [step.value], (performance.now() - started) / 1000, output);
      return 0;
    }

    const made: Generated[] = [];
    let failed = false;
    let cut = 0;
    // Rows before this batch, and those of them that were answered freely.
    let before = 0;
    let answered = 0;
    for await (const rows of batches) {
      const jobs = jobsOf(rows, (row) => {
        const job = answerJob(row, flags.choices);
        if (bound && job.choices) fail("bad_input", "choices do not go with --json-schema or --grammar");
        return job;
      });
      const good = jobs.flatMap((job) => (job instanceof ZerothError ? [] : [job]));
      const free = good.filter(({ choices }) => !choices);
      const limited = good.flatMap(({ prompt, choices, adapter }) => (choices ? [{ prompt, choices, adapter }] : []));
      const onDone = (done: number, total: number) =>
        output.progress(`${before + done} of ${before + total}${flags.input ? " or more" : ""} prompts`);
      const answers = await byAdapter(free, async (part, own, first) =>
        (await models.of(own)).text.generateAll(
          part.map((job) => (job as AnswerJob).prompt),
          { ...picked, onDone, firstRow: answered + first },
        ),
      );
      const chosen = await byAdapter(limited, async (part, own) =>
        (await models.of(own)).text.chooseAll(part as readonly (typeof limited)[number][], { ...picked, onDone }),
      );
      for (const [i, job] of jobs.entries()) {
        const result = job instanceof ZerothError ? job : (job.choices ? chosen : answers).shift()!;
        const row = rows[i]!;
        const id = row instanceof ZerothError ? undefined : row.id;
        if (result instanceof ZerothError) {
          failed = true;
          // A single prompt has no other rows to save: its error is the command's.
          if (prompts.length === 1) throw result;
          output.row(errorRow(result, id));
          if (!output.json) {
            output.text("\n");
            output.say(`row ${before + i + 1}: ${result.message}`);
          }
          continue;
        }
        if (flags.stats) made.push(result);
        if (bound && result.finish === "length") cut++;
        output.row(resultRow(id, result));
        output.answer(`${result.text}\n`);
      }
      before += rows.length;
      answered += free.length;
    }
    if (bound) sayIncomplete(structured, cut, answered, output);
    if (flags.stats) stats(opened, made, (performance.now() - started) / 1000, output);
    return failed ? 1 : 0;
  },
});
