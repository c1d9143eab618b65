/** The forms a prompt has, and that their texts are of a sane length. */
import type { EnginePrompt } from "../../host/engine.ts";
import type { Limits } from "../context.ts";
import { invalid } from "../errors.ts";

export type Texts = string | readonly string[] | readonly number[] | readonly (readonly number[])[];

const isIds = (value: Texts): value is readonly number[] => typeof value !== "string" && typeof value[0] === "number";

/** Refuse a text that no model reads, before anybody counts its tokens. */
export function checkText(text: string, { text: most }: Limits, param: string): void {
  if (text.length > most) {
    invalid(param, `'${param}' has ${text.length} characters, at most ${most} are read`, "string_above_max_length");
  }
}

/** Refuse more entries than one request may have. */
export function needFew(entries: number, { inputs }: Limits, param: string): void {
  if (entries <= inputs) return;
  invalid(param, `'${param}' has ${entries} entries, at most ${inputs} are taken`, "array_above_max_length");
}

/** One or many of them, as many. */
export function manyOf(value: Texts, limits: Limits, param: string): readonly (string | readonly number[])[] {
  const many = typeof value === "string" || isIds(value) ? [value] : (value as readonly (string | readonly number[])[]);
  needFew(many.length, limits, param);
  for (const [i, one] of many.entries()) {
    const name = many.length > 1 ? `${param}[${i}]` : param;
    if (typeof one === "string") checkText(one, limits, name);
    else if (one.length > limits.text) checkText(" ".repeat(one.length), limits, name);
  }
  return many;
}

/** A text, with the special tokens its model's prompts have, or ids as they are. */
export const promptOf = (one: string | readonly number[]): EnginePrompt =>
  typeof one === "string" ? { text: one } : { ids: one };
