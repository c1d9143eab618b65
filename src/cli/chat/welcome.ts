/** The first lines of a prompt: what answers, how small it is, and what it is good for. */
import type { Conversation } from "./conversation.ts";

/** Prompts of the kinds that the embedded model was trained on. */
export const examples = [
  "Is this review positive or negative? A warm, funny film that I would gladly see again.",
  "Is this a fact or an opinion? The bridge was opened in 1932.",
  "What does this question ask for: abbreviation, thing, description, person, place or number? Who wrote Hamlet?",
] as const;

export const isEmbedded = ({ opened }: Pick<Conversation, "opened">): boolean => opened.name === "zeroth-nano";

/** "4.1 million", "7.2 billion". */
function count(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} billion`;
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)} million` : n.toLocaleString("en");
}

/** What answers, in one line. */
export function modelLine(conversation: Conversation): string {
  const { opened, remembers, chat } = conversation;
  const numbers = [...opened.weights.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const size = `${opened.name}: ${count(numbers)} parameters`;
  if (isEmbedded(conversation))
    return `${size}. It is tiny: ask short questions about a short text; it knows next to nothing.`;
  if (!remembers) return `${size}. It has no chat template: each prompt is answered on its own, as it is.`;
  return `${size}. ${chat.templates.length > 0 ? "It goes on from what was said." : "It was not taught to talk: what was said is written before it as User: … Assistant: …"}`;
}

export function inviting(conversation: Conversation): string {
  const what = isEmbedded(conversation) ? "Type a prompt, or 1, 2 or 3 for an example." : "Type a prompt.";
  return `${what} /help says more, Ctrl-D leaves.`;
}
