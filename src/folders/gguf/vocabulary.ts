/** The tokenizer's part of a GGUF file's metadata. */
import { fail } from "../../errors.ts";
import { type GgufVocabulary, namedTokens } from "../../tokenizers/formats/gguf.ts";
import type { Metadata } from "./metadata.ts";

const key = (name: string) => `tokenizer.ggml.${name}`;

/** Ends of a turn in chats, by their texts: files that name one end token often mean these too. */
const turnEnds = new Set(["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<turn|>"]);
const control = 3;

/** Ids of the tokens that end an answer: `eos`, `eot` and `eom`, and the ends of a turn that the vocabulary has. */
export function endsOf(metadata: Metadata, tokens: readonly string[]): number[] {
  const named = ["eos", "eot", "eom"].flatMap((name) => metadata.count(key(`${name}_token_id`)) ?? []);
  const types = metadata.numbers(key("token_type"));
  const turns = tokens.flatMap((token, id) => (turnEnds.has(token) && types?.[id] === control ? [id] : []));
  return [...new Set([...named, ...turns])];
}

/**
 * @throws corrupt_file for a vocabulary that is missing, lists of different lengths, and names of tokens beyond it
 */
export function vocabularyOf(metadata: Metadata, where: string): GgufVocabulary {
  const model = metadata.need(key("model"), metadata.text(key("model")));
  const tokens = metadata.need(key("tokens"), metadata.texts(key("tokens")));
  const beside = (name: string): ArrayLike<number> | undefined => {
    const list = metadata.numbers(key(name));
    if (list && list.length !== tokens.length) {
      fail("corrupt_file", `lists ${list.length} of ${tokens.length} tokens`, {
        where: `${where}, key "${key(name)}"`,
      });
    }
    return list;
  };
  const named = Object.entries(namedTokens).flatMap(([name, short]) => {
    const id = metadata.count(key(`${short}_token_id`));
    if (id === undefined) return [];
    const text = tokens[id];
    return text === undefined
      ? fail("corrupt_file", `is token ${id}, the vocabulary has ${tokens.length}`, {
          where: `${where}, key "${key(`${short}_token_id`)}"`,
        })
      : [[name, text] as const];
  });
  const map = metadata.numbers(key("precompiled_charsmap"));
  return {
    model,
    tokens,
    where,
    pre: metadata.text(key("pre")),
    scores: beside("scores"),
    types: beside("token_type"),
    merges: metadata.texts(key("merges")),
    named: Object.fromEntries(named),
    addBos: metadata.truth(key("add_bos_token")),
    addEos: metadata.truth(key("add_eos_token")),
    addSpacePrefix: metadata.truth(key("add_space_prefix")),
    removeExtraWhitespaces: metadata.truth(key("remove_extra_whitespaces")),
    charsMap: map && new Uint8Array(Uint8Array.from(map)),
  };
}
