/** A conversation through a chat template: its text, and which of it was given by whoever talks. */
import { type Value, valueFrom } from "../../data/values.ts";
import { fail } from "../../errors.ts";
import { undeclared } from "../../jinja/analysis.ts";
import { render } from "../../jinja/evaluate.ts";
import type { PyValue } from "../../jinja/objects.ts";
import { plainRules } from "../../jinja/rules.ts";
import { chatJinja } from "../../jinja/syntax/dialect.ts";
import { parse } from "../../jinja/syntax/parse.ts";
import type { Statement } from "../../jinja/syntax/syntax.ts";
import { attempt } from "../jobs.ts";
import { chatContext, chatFilters, chatFunctions, templateValue } from "./environment.ts";
import { createMarks, folded, wellFormed } from "./marks.ts";
import { type ChatMessage, forTemplate, knownRoles } from "./messages.ts";

/** A chat template, read once. */
export interface ChatTemplate {
  readonly source: string;
  /** For messages. */
  readonly where: string;
  readonly statements: readonly Statement[];
  /** Names of its surroundings that it uses. */
  readonly uses: ReadonlySet<string>;
}

/** @throws bad_input with the line */
export function readChatTemplate(source: string, where = "the chat template"): ChatTemplate {
  const statements = parse(source, where, chatJinja);
  return { source, where, statements, uses: undeclared(statements) };
}

export interface RenderOptions {
  /** JSON schemas of functions, as transformers' `tools`. */
  readonly tools?: readonly unknown[] | undefined;
  readonly documents?: readonly unknown[] | undefined;
  /** End with what begins an answer. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Further names of the template: `enable_thinking`, … */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What `strftime_now` reads. */
  readonly now?: Date;
}

export interface RenderedChat {
  readonly text: string;
  /** Parts of the text that come from messages, tools and documents, [start, end): no special token may be made of them. */
  readonly given: readonly (readonly [start: number, end: number])[];
}

/** Names of special tokens that templates use whether a model has them or not: nothing then. */
const usualTokens = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

const same = (text: string): string => text;

/** Every text in a value. */
function* textsOf(value: Value): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsOf(item);
  else if (value instanceof Map) {
    for (const [key, item] of value as ReadonlyMap<string, Value>) {
      yield key;
      yield* textsOf(item);
    }
  }
}

/** Whether a text could become a special token, or the better part of one, where a template puts it anywhere. */
function reaches(given: string, spelling: string): boolean {
  const [text, token] = [folded(given), folded(spelling)];
  if (text.includes(token) || (text.length > 2 && token.includes(text))) return true;
  for (let n = 2; n < token.length; n++) {
    if (text.endsWith(token.slice(0, n)) || text.startsWith(token.slice(-n))) return true;
  }
  return false;
}

const clean = (value: unknown): Value => {
  const made = valueFrom(value ?? null);
  const deep = (inner: Value): Value => {
    if (typeof inner === "string") return wellFormed(inner);
    if (Array.isArray(inner)) return inner.map(deep);
    return inner instanceof Map ? new Map([...inner].map(([key, item]) => [wellFormed(key), deep(item)])) : inner;
  };
  return deep(made);
};

/**
 * What transformers' `apply_chat_template` gives for the conversation, and which parts of it were given. The template is
 * rendered twice: as it is, and with every given character marked. Where marks changed what is printed (a template
 * asked for a character's number, say) nothing can be told from them: texts that hold no special token go on, others
 * are refused.
 * @param special spellings of the tokenizer's special tokens
 * @param names of special tokens: `bos_token`, …
 * @throws bad_input with the template's line, or with its own message, for a conversation that it does not take;
 *   too_long where it does more than the budget allows; unsupported as said
 */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: RenderOptions,
  { special, names }: { readonly special: readonly string[]; readonly names: ReadonlyMap<string, string> },
): RenderedChat {
  const { source, where, statements } = template;
  const { tools, documents, addGenerationPrompt = true, variables = {}, now = new Date() } = options;
  const given: Readonly<Record<string, Value>> = {
    messages: forTemplate(messages, source).map(clean),
    // None where there are none, and not undefined.
    tools: clean(tools ?? null),
    documents: clean(documents ?? null),
  };
  const texts = Object.values(given).flatMap((value) => [...textsOf(value)]);
  const marks = createMarks(special, texts);
  const context = (text: (text: string) => string) => {
    const found = new Map<string, PyValue>(usualTokens.map((name) => [name, ""]));
    for (const [name, content] of names) found.set(name, content);
    for (const [name, value] of Object.entries(given)) found.set(name, templateValue(value, text));
    found.set("add_generation_prompt", addGenerationPrompt);
    for (const [name, value] of Object.entries(variables)) found.set(name, templateValue(clean(value), same));
    for (const [name, made] of chatFunctions(now)) found.set(name, made);
    return chatContext(found);
  };
  const run = (text: (text: string) => string, rules: Pick<typeof plainRules, "plain" | "mark">): string =>
    render(statements, context(text), {
      where,
      below: () => 0,
      rules: { ...rules, immutable: true },
      filters: chatFilters,
    });
  const text = run(same, plainRules);
  const roles = (one: string) => (knownRoles.has(one) ? one : marks.mark(one));
  const followed = attempt(() => run(roles, marks));
  if (typeof followed === "string" && marks.plain(followed) === text) return { text, given: marks.ranges(followed) };
  for (const one of texts) {
    const token = knownRoles.has(one) ? undefined : special.find((spelling) => reaches(one, spelling));
    if (token === undefined) continue;
    fail(
      "unsupported",
      `a message holds (a part of) the special token ${token}, and what the template makes of it cannot be followed`,
      { where, hint: "leave that text out of the message" },
    );
  }
  return { text, given: [] };
}
