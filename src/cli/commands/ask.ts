/** `zeroth ask`: a question answered from one's own documents, each sentence with the place that it rests on. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { askOptions } from "../retrieve/ask-options.ts";

export default defineCommand({
  group: "search",
  summary: "Ask an index of documents: an answer with the place that each sentence rests on",
  arguments: "[question...]",
  extraHint: (argument) => `put the question in quotes, so that "${argument}" is a part of it`,
  options: askOptions,
  rows: '`{"question"}` → `{"text","citations":[{"sentence","document","start","end","quote","support","page"?,"heading"?,"title"}],"found","sentences":[{"text","start","end","supported","support"}],"said"?}`; `sentence` is the number of the answer\'s sentence, from 1',
  example: 'zeroth ask "who feeds the queen" --store notes.index --model google/flan-t5-base',
  async run({ args, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const questions = flags.input ? args : await givenTexts(args, { output, signal });
    if (questions.length === 0 && !flags.input)
      fail("wrong_use", "there is no question", { hint: 'try: zeroth ask "a question" --store notes.index' });
    if (questions.length > 0 && flags.input) fail("wrong_use", "give questions or --input, not both");
    for (const [name, value, least, most] of [
      ["--k", flags.k, 1, 50],
      ["--support", flags.support, 0, 1],
      ["--max-new-tokens", flags.maxNewTokens, 1, 4096],
    ] as const) {
      if (value !== undefined && !(value >= least && value <= most))
        fail("wrong_use", `${name} ${value}: expected ${least} to ${most}`);
    }
    return (await import("../retrieve/ask.ts")).ask(questions, { flags, output, signal });
  },
});
