/** `zeroth generate`: prompts from the command line or rows of a file to answers. */
import { fail, ZerothError } from "../../errors.ts";
import type { Generated } from "../../text/options.ts";
import { defineCommand } from "../define.ts";
import type { Opened } from "../engine.ts";
import type { AnswerJob } from "../jobs.ts";
import { adapter, engine, generation, model, rows } from "../options.ts";
import { type Output, unlikely } from "../output.ts";

const resultRow = ({ text, tokens, finish, promptTokens, score, likely }: Generated) => ({
  text,
  tokens,
  finish,
  prompt_tokens: promptTokens,
  ...(score === undefined ? {} : { score }),
  ...(likely === undefined ? {} : { likely }),
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
  options: [model, ...rows, ...generation, { flags: "--stats", help: "show speeds afterwards" }, adapter, ...engine],
  rows: '`{"prompt"}` or `{"tokens":[…]}`, also `"choices":[…]` → `{"text","tokens","finish","prompt_tokens","score"?,"likely"?}`',
  example: 'zeroth generate "Is this review positive or negative? A warm, funny film."',
  async run({ args, flags, output, signal }) {
    const { atTerminal, openPrompt } = await import("../chat/open.ts");
    const answering = flags.choices || flags.stats || flags.modelDefaults || flags.promptEnd === false;
    if (args.length === 0 && !flags.input && !answering && atTerminal(output))
      return openPrompt(flags, { output, signal, plainTalk: false });
    if (args.length > 0 && flags.input) fail("wrong_use", "give prompts or --input, not both");
    const { checkGeneration, generationOptions } = await import("../generation.ts");
    const { sayIncomplete, structuredOptions } = await import("../structured.ts");
    const { answerJob, jobsOf } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { openForCommand } = await import("../engine.ts");
    const { byAdapter, openedModels } = await import("../adapters.ts");
    const { givenTexts } = await import("../stdin.ts");
    checkGeneration(flags);
    const prompts = flags.input ? [] : await givenTexts(args, { output, signal, joined: true });
    if (prompts.length === 0 && !flags.input) {
      fail("wrong_use", "there is no prompt", {
        hint: 'try: zeroth generate "Is this a fact or an opinion? Snow is cold."',
      });
    }
    const structured = await structuredOptions(flags);
    const bound = structured.schema !== undefined || structured.grammar !== undefined;
    const given = prompts.map((prompt) => ({ prompt }));
    const job = await openRowJob("generate", { flags, given, output, signal });
    if (job === undefined) return 0;
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
    let cut = 0;
    let answered = 0;
    const code = await job.run({
      model: modelOf(opened),
      things: "prompts",
      async batch(inputs, { before, onDone }) {
        const jobs = jobsOf(inputs, (row) => {
          const one = answerJob(row, flags.choices);
          if (bound && one.choices) fail("bad_input", "choices do not go with --json-schema or --grammar");
          return one;
        });
        const good = jobs.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
        const free = good.filter(({ choices }) => !choices);
        const limited = good.flatMap(({ prompt, choices, adapter: own }) =>
          choices ? [{ prompt, choices, adapter: own }] : [],
        );
        const answers = await byAdapter(free, async (part, own, first) =>
          (await models.of(own)).text.generateAll(
            part.map((one) => (one as AnswerJob).prompt),
            { ...picked, onDone, firstRow: before + first },
          ),
        );
        const chosen = await byAdapter(limited, async (part, own) =>
          (await models.of(own)).text.chooseAll(part as readonly (typeof limited)[number][], {
            ...picked,
            onDone: (done) => onDone(free.length + done),
          }),
        );
        return jobs.map((one) => {
          const result = one instanceof ZerothError ? one : (one.choices ? chosen : answers).shift()!;
          if (result instanceof ZerothError) return result;
          if (flags.stats) made.push(result);
          if (bound && result.finish === "length") cut++;
          answered++;
          const show = () => {
            output.answer(`${result.text}\n`);
            if (result.likely === false && !flags.input)
              output.say(unlikely(one instanceof ZerothError ? 0 : one.choices!.length));
          };
          return { row: resultRow(result), show };
        });
      },
      showError(error, row) {
        if (output.json) return;
        output.text("\n");
        output.say(`row ${row}: ${error.message}`);
      },
    });
    if (bound) sayIncomplete(structured, cut, answered, output);
    if (flags.stats) stats(opened, made, (performance.now() - started) / 1000, output);
    return code;
  },
});
