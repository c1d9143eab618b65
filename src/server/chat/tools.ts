/** Calls of tools within the text a model writes, in the forms that models are taught. */
import { isJsonObject } from "../../base/json.ts";

export interface ToolCall {
  readonly kind: "call";
  readonly id: string;
  readonly name: string;
  /** JSON, as a text. */
  readonly arguments: string;
}

export type AnswerPart = { readonly kind: "text"; readonly text: string } | ToolCall;

/** Takes a text piece by piece and gives what is certain of it. */
export interface PartReader {
  push(text: string): readonly AnswerPart[];
  end(): readonly AnswerPart[];
}

/** For answers without tools: everything is text. */
export const plainReader: PartReader = {
  push: (text) => (text === "" ? [] : [{ kind: "text", text }]),
  end: () => [],
};

const callOf = (name: string, given: unknown): ToolCall => ({
  kind: "call",
  id: `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`,
  name,
  arguments: typeof given === "string" ? given : JSON.stringify(given ?? {}),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `{"name": …, "arguments": …}`, Llama's with `parameters`, OpenAI's own with `function`; or several of them. */
function callsOf(value: unknown, known: ReadonlySet<string> | undefined): readonly ToolCall[] | undefined {
  if (Array.isArray(value)) {
    const calls = value.map((one: unknown) => callsOf(one, known));
    return calls.length > 0 && calls.every((one) => one !== undefined) ? calls.flat() : undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const call = isJsonObject(value.function) ? value.function : value;
  if (typeof call.name !== "string" || (known && !known.has(call.name))) return undefined;
  if (!("arguments" in call) && !("parameters" in call)) return undefined;
  return [callOf(call.name, call.arguments ?? call.parameters)];
}

/** An answer that is JSON as a whole: one call, a list, or one after another with `;` or lines between. */
function bareCalls(text: string, known: ReadonlySet<string>): readonly ToolCall[] | undefined {
  const whole = text.replace(/^\s*(?:<\|python_tag\|>|\[TOOL_CALLS\])/, "").trim();
  const one = callsOf(parsed(whole), known);
  if (one) return one;
  const many = whole.split(/\s*(?:;|\n)\s*(?=\{)/).map((part) => callsOf(parsed(part.trim()), known));
  return many.length > 1 && many.every((each) => each !== undefined) ? many.flat() : undefined;
}

const opening = "<tool_call>";
const closing = "</tool_call>";

/** Characters at the end of `text` that may be the beginning of `word`. */
function begun(text: string, word: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}

/** What an answer begins with that may be nothing but calls. */
const bareStart = /^\s*(?:[{[]|<\|python_tag\|>)/;

/**
 * A reader of calls of these tools. `<tool_call>{…}</tool_call>` (Hermes, Qwen) may stand anywhere; an answer that
 * begins with a bracket (Llama, Mistral) is held until its end, and is a call where it names one of the tools.
 * @param most calls at most; further ones are dropped
 */
export function callReader(tools: readonly string[], most = Number.POSITIVE_INFINITY): PartReader {
  const known = new Set(tools);
  let held = "";
  let inside = false;
  let bare: boolean | undefined;
  let calls = 0;
  const taken = (found: readonly ToolCall[]): readonly AnswerPart[] => {
    const rest = found.slice(0, Math.max(0, most - calls));
    calls += rest.length;
    return rest;
  };
  const text = (value: string): readonly AnswerPart[] =>
    // Between calls there are lines and spaces that say nothing.
    value === "" || (calls > 0 && value.trim() === "") ? [] : [{ kind: "text", text: value }];
  const read = (body: string): readonly AnswerPart[] => {
    const found = callsOf(parsed(body.trim()), undefined);
    return found ? taken(found) : text(`${opening}${body}${closing}`);
  };

  /** What is certain of what is held. */
  function* certain(): Generator<AnswerPart> {
    for (;;) {
      if (inside) {
        const end = held.indexOf(closing);
        if (end < 0) return;
        yield* read(held.slice(0, end));
        held = held.slice(end + closing.length);
        inside = false;
        continue;
      }
      const start = held.indexOf(opening);
      if (start >= 0) {
        // A line that ends right before a call is the form's, not the answer's.
        yield* text(held.slice(0, start).trim() === "" ? "" : held.slice(0, start).replace(/\n$/, ""));
        held = held.slice(start + opening.length);
        inside = true;
        continue;
      }
      // Spaces may turn out to stand before a call.
      const sure = held.slice(0, held.length - begun(held, opening)).trimEnd().length;
      yield* text(held.slice(0, sure));
      held = held.slice(sure);
      return;
    }
  }

  return {
    push(piece) {
      held += piece;
      if (bare === undefined && held.trim() !== "" && !"<|python_tag|>".startsWith(held.trim()))
        bare = bareStart.test(held);
      return bare === true || bare === undefined ? [] : [...certain()];
    },
    end() {
      const calls = bare === true ? bareCalls(held, known) : undefined;
      if (calls) return taken(calls);
      const parts = [...certain()];
      const unfinished = inside ? callsOf(parsed(held.trim()), undefined) : undefined;
      if (unfinished) return [...parts, ...taken(unfinished)];
      return [...parts, ...text(inside ? `${opening}${held}` : held)];
    },
  };
}
