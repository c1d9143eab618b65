/** A word about prompts that are longer than anything a model was trained on, before they are answered. */
import type { Prompt, TextModel } from "../text/model.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

/** The model, telling once of a prompt that has more than `trained` tokens. */
export function sayLong(
  text: TextModel,
  { tokenizer, trained, name }: { tokenizer: Tokenizer; trained: number; name: string },
  say: (line: string) => void,
): TextModel {
  let told = false;
  const look = (prompts: readonly Prompt[]) => {
    for (const prompt of told ? [] : prompts) {
      // A token is a character or more, or a few for one that the vocabulary lacks: short texts need no second look.
      if (prompt.length * 4 <= trained) continue;
      const { length } = typeof prompt === "string" ? tokenizer.encode(prompt).ids : prompt;
      if (length <= trained) continue;
      told = true;
      say(`the prompt has ${length} tokens; ${name} was trained on texts of up to ${trained}: expect a poor answer`);
      return;
    }
  };
  return {
    ...text,
    generate(prompt, options) {
      look([prompt]);
      return text.generate(prompt, options);
    },
    generateAll(prompts, options) {
      look(prompts);
      return text.generateAll(prompts, options);
    },
    stream(prompt, options) {
      look([prompt]);
      return text.stream(prompt, options);
    },
    score(prompt, choices, options) {
      look([prompt]);
      return text.score(prompt, choices, options);
    },
    scoreAll(rows, options) {
      look(rows.map(({ prompt }) => prompt));
      return text.scoreAll(rows, options);
    },
    choose(prompt, choices, options) {
      look([prompt]);
      return text.choose(prompt, choices, options);
    },
    chooseAll(rows, options) {
      look(rows.map(({ prompt }) => prompt));
      return text.chooseAll(rows, options);
    },
  };
}
