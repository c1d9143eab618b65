/** One node's summary from a model: asked again where an answer cannot be taken, and cut where it ran over. */
import { fail, ZerothError } from "../../errors.ts";
import { badness, type Fault, faultsOf, wholeSentences } from "./ladder.ts";
import { type Asked, cleaned, promptOf } from "./prompts.ts";
import type { Answer, Drawn, Writer } from "./writer.ts";

/** `degraded`: no answer could be taken as it should be; `truncated`: cut at its last whole sentence. */
export type Flag = "degraded" | "truncated" | "empty" | "resplit" | "estimated";

export interface Candidate {
  readonly text: string;
  readonly faults: readonly Fault[];
  /** Where several were drawn for it, all of them. */
  readonly drawn?: readonly Drawn[] | undefined;
  /** Words that it was asked for, where several were drawn. */
  readonly words?: number | undefined;
}

/** What is kept of a node's calls. */
export interface Made {
  readonly text: string;
  readonly flags: readonly Flag[];
  /** All answers, in their order. */
  readonly candidates: readonly Candidate[];
  readonly inTokens: number;
  readonly outTokens: number;
  /** Calls beyond the first. */
  readonly retries: number;
}

const mostRetries = 3;

export interface AskOptions {
  readonly limit: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Asked before every call. @throws where no more may be made */
  readonly mayCall: (retry: boolean) => void;
  /** Told of every call's tokens. */
  readonly spent: (answer: Answer) => void;
}

/** Halves of a text at a blank line, else a line, else a space near its middle. */
function halves(text: string): readonly [string, string] {
  const middle = text.length >> 1;
  for (const gap of ["\n\n", "\n", " "]) {
    const at = text.indexOf(gap, middle);
    if (at > 0 && at < text.length * 0.8) return [text.slice(0, at).trimEnd(), text.slice(at).trimStart()];
  }
  const safe = /[\udc00-\udfff]/.test(text[middle] ?? "") ? middle + 1 : middle;
  return [text.slice(0, safe), text.slice(safe)];
}

/**
 * @throws what the writer throws, too_long where even halves of the text are too long
 */
export async function ask(writer: Writer, asked: Asked, options: AskOptions): Promise<Made> {
  try {
    return await climb(writer, asked, options);
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "too_long") throw error;
    // The model counts otherwise than we do: without what came before, and if that is too long still in two halves.
    if (asked.context.length > 0) return ask(writer, { ...asked, context: [] }, options);
    return inHalves(writer, asked, options, error);
  }
}

async function inHalves(writer: Writer, asked: Asked, options: AskOptions, cause: ZerothError): Promise<Made> {
  if (asked.text.length < 200) throw cause;
  const parts: Made[] = [];
  for (const text of halves(asked.text)) parts.push(await climb(writer, { ...asked, text }, options));
  const whole = await climb(
    writer,
    { ...asked, text: parts.map(({ text }) => text).join("\n\n"), composed: true },
    options,
  );
  const all = [...parts, whole];
  const sum = (of: (made: Made) => number) => all.reduce((total, made) => total + of(made), 0);
  return {
    ...whole,
    flags: [...new Set<Flag>([...whole.flags, "resplit"])],
    inTokens: sum((made) => made.inTokens),
    outTokens: sum((made) => made.outTokens),
    retries: sum((made) => made.retries) + 2,
  };
}

async function climb(writer: Writer, asked: Asked, { limit, seed, signal, mayCall, spent }: AskOptions): Promise<Made> {
  const { frame } = promptOf(asked, writer.style);
  const candidates: Candidate[] = [];
  const cuts: boolean[] = [];
  let [inTokens, outTokens, estimated] = [0, 0, false];
  for (let attempt = 0; attempt <= mostRetries; attempt++) {
    mayCall(attempt > 0);
    const answer = await writer.write(asked, { limit, seed: (seed + attempt) >>> 0, attempt, signal });
    spent(answer);
    inTokens += answer.inTokens;
    outTokens += answer.outTokens;
    estimated ||= answer.estimated === true;
    const text = cleaned(answer.text);
    const kept = answer.cut ? wholeSentences(text) : text;
    cuts.push(answer.cut);
    const drawn = answer.drawn?.map((one) => ({ ...one, text: cleaned(one.text) }));
    candidates.push({
      text: kept,
      faults: faultsOf(kept, { input: asked.text, frame }),
      ...(drawn && { drawn, words: asked.words }),
    });
    const { faults } = candidates.at(-1)!;
    if (faults.length === 0 || writer.asksOnce) break;
    // Some models never write a full stop: a third answer would have none either.
    if (attempt > 0 && faults.every((fault) => fault === "no sentence end")) break;
  }
  const best = candidates.reduce((a, b, i) => (badness(b.faults) < badness(candidates[a]!.faults) ? i : a), 0);
  const chosen = candidates[best] ?? fail("internal", "no answer was asked for");
  const flags: Flag[] = [
    ...(chosen.faults.length > 0 ? (["degraded"] as const) : []),
    ...(cuts[best] ? (["truncated"] as const) : []),
    ...(chosen.text === "" ? (["empty"] as const) : []),
    ...(estimated ? (["estimated"] as const) : []),
  ];
  return { text: chosen.text, flags, candidates, inTokens, outTokens, retries: candidates.length - 1 };
}
