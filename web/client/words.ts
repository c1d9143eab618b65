/** Errors of the engine and of the network in the words of a person who asked a question. */
import { Problem } from "./client.ts";

interface Words {
  readonly what: string;
  readonly hint?: string;
}

/** By the library's codes, which a server sends too. */
const words: Readonly<Record<string, Words>> = {
  too_long: { what: "The text is too long for this model.", hint: "Shorten it, or take a model with a longer text." },
  out_of_memory: {
    what: "There is not enough memory for this.",
    hint: "Close other models or tabs, or take a smaller model.",
  },
  busy: { what: "The model has its hands full.", hint: "Wait a moment and run it again." },
  not_found: { what: "There is no such model here.", hint: "The panel Models shows which there are." },
  unsupported: { what: "This model cannot do that." },
  engine_failed: {
    what: "The engine stopped in the middle of the answer.",
    hint: "Run it again; if it happens with this prompt only, a shorter one may help.",
  },
  corrupt_file: { what: "A file of the model is damaged.", hint: "Download the model anew." },
};

/** What a server calls the same. */
const otherNames: Readonly<Record<string, string>> = {
  context_length_exceeded: "too_long",
  string_above_max_length: "too_long",
  model_not_found: "not_found",
  rate_limit_exceeded: "busy",
};

/** A problem from the library's code and message. Bad input says what is wrong with it: its message is for people. */
export function problemFrom(code: string, message: string, hint?: string): Problem {
  if (code === "interrupted") return new Problem("Stopped.", { stopped: true });
  const known = words[otherNames[code] ?? code];
  if (!known) return new Problem(sentence(message), { ...(hint && { hint: sentence(hint) }), details: code });
  const further = hint ? `${message} (${hint})` : message;
  return new Problem(known.what, { code, ...(known.hint && { hint: known.hint }), details: further });
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}
