/** Which of several continuations fits a text. */
import { fail, ZerothError } from "../../errors.ts";
import { attempt } from "../jobs.ts";
import { type EncodeJob, encodeText, inputOf, largest, type Reader, scoreAll, softmax } from "./reader.ts";

export interface Choosing {
  readonly text: string;
  readonly choices: readonly string[];
}

export interface Chosen {
  /** The likeliest choice, and its number. */
  readonly choice: string;
  readonly best: number;
  /** Probabilities of the choices in their order. */
  readonly scores: readonly number[];
  /** What the head gave. */
  readonly logits: readonly number[];
}

export function chooser(reader: Reader) {
  return async (rows: readonly Choosing[], options: EncodeJob = {}): Promise<(Chosen | ZerothError)[]> => {
    const jobs = rows.map(({ text, choices }) =>
      attempt(() => {
        if (choices.length === 0) fail("bad_input", "there are no choices");
        return choices.map((choice) => inputOf(encodeText(reader, [text, choice])));
      }),
    );
    const found = await scoreAll(jobs, options, reader.scores);
    return rows.map(({ choices }, r) => {
      const scores = found[r]!;
      if (scores instanceof ZerothError) return scores;
      const logits = scores.map(([z]) => z![0]!);
      const shares = softmax(logits);
      const best = largest(shares);
      return { choice: choices[best]!, best, scores: shares, logits };
    });
  };
}
