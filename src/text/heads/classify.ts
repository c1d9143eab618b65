/** Classes of texts, and numbers that a head was trained to give instead. */
import { ZerothError } from "../../errors.ts";
import type { Problem } from "../../models/family.ts";
import { attempt } from "../jobs.ts";
import { type EncodeJob, encodeText, inputOf, largest, type Reader, scoreAll, softmax, type Text } from "./reader.ts";

export interface Classified {
  /** The likeliest class; of independent ones the likeliest too. */
  readonly label: string;
  /** Of independent classes those that are likelier than not; else the likeliest alone. */
  readonly labels: readonly string[];
  /** Probability of every class in their order; of a regression the numbers themselves. */
  readonly scores: readonly number[];
  /** What the head gave. */
  readonly logits: readonly number[];
}

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

export function classifier(reader: Reader, names: readonly string[], problem: Problem) {
  const read = (logits: readonly number[]): Classified => {
    if (problem === "regression") return { label: names[0] ?? "", labels: names, scores: logits, logits };
    const scores = problem === "multi" ? logits.map(sigmoid) : softmax(logits);
    const label = names[largest(scores)]!;
    const labels = problem === "multi" ? names.filter((_, i) => scores[i]! > 0.5) : [label];
    return { label, labels, scores, logits };
  };
  return async (texts: readonly Text[], options: EncodeJob = {}): Promise<(Classified | ZerothError)[]> => {
    const jobs = texts.map((text) => attempt(() => [inputOf(encodeText(reader, text))]));
    const found = await scoreAll(jobs, options, reader.scores);
    return found.map((scores) => (scores instanceof ZerothError ? scores : read(Array.from(scores[0]![0]!))));
  };
}
