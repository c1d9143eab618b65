/**
 * Tokens before every text whose places an adapter takes. They are added where ids enter a model and left out of what it
 * gives, so that whoever asks sees the text alone.
 */
import { type NdArray, zeros } from "../../graph/array.ts";
import type { Architecture } from "../family.ts";
import type { EncodedText, EncoderModel } from "../kinds/encoder.ts";
import type { LanguageModel, Reading } from "../kinds/language.ts";
import type { Example, Loss } from "../kinds/loss.ts";
import type { TaskHead } from "./heads.ts";

/** A token that does not count as padding. */
export const fillerOf = ({ pad }: Pick<Extract<Architecture, { pad: number }>, "pad">): number => (pad === 0 ? 1 : 0);

const repeated = (value: number, count: number): number[] => new Array<number>(count).fill(value);

/** The targets of heads that look at places, moved behind the fillers. */
const moved: Readonly<Partial<Record<TaskHead, (target: readonly number[], count: number) => readonly number[]>>> = {
  tokens: (target, count) => [...repeated(-100, count), ...target],
  span: (target, count) => target.map((place) => place + count),
};

/** The loss of examples that begin with so many fillers. */
export function filledLoss(loss: Loss, count: number, filler: number, head?: TaskHead): Loss {
  if (count === 0) return loss;
  const move = (head && moved[head]) ?? ((target: readonly number[]) => target);
  const filled = ({ input, target, types }: Example): Example => ({
    input: [...repeated(filler, count), ...input],
    target: move(target, count),
    types: [...repeated(0, count), ...(types ?? repeated(0, input.length))],
  });
  return {
    ...loss,
    labels: (example) => loss.labels(filled(example)),
    collate: (rows, labels, packed) =>
      loss.collate(
        rows.map((row) => row.map(filled)),
        labels,
        packed,
      ),
  };
}

/** An array [texts, length, …] without its first places. */
function without({ dtype, shape, data }: NdArray, count: number): NdArray {
  const [texts, length, ...rest] = shape as [number, number, ...number[]];
  const each = rest.reduce((a, b) => a * b, 1);
  const kept = zeros(dtype, [texts, length - count, ...rest]);
  for (let text = 0; text < texts; text++) {
    const from = (text * length + count) * each;
    (kept.data as Float32Array).set(
      (data as Float32Array).subarray(from, (text + 1) * length * each),
      text * (length - count) * each,
    );
  }
  return kept;
}

/** A model that reads texts behind `count` fillers; `longest` is what is left for them. */
export function filledEncoder(model: EncoderModel, count: number, filler: number, places = count): EncoderModel {
  const { longest, vectors, answer } = model;
  const left = longest === undefined ? {} : { longest: Math.max(0, longest - places) };
  if (count === 0) return { ...model, ...left };
  const filled = (texts: readonly EncodedText[]): EncodedText[] =>
    texts.map(({ ids, types, skipped = 0 }) => ({
      ids: [...repeated(filler, count), ...ids],
      types: [...repeated(0, count), ...(types ?? repeated(0, ids.length))],
      skipped: skipped + count,
    }));
  return {
    ...model,
    ...left,
    async encode(texts) {
      const { hidden, mask } = await model.encode(filled(texts));
      return { hidden: without(hidden, count), mask: without(mask, count) };
    },
    ...(vectors && { vectors: (texts) => vectors(filled(texts)) }),
    ...(answer && {
      async answer(texts) {
        const { scores, mask } = await answer(filled(texts));
        // Scores of every place, or of every text.
        return { scores: scores.shape.length === 3 ? without(scores, count) : scores, mask: without(mask, count) };
      },
    }),
  };
}

/** A model that writes text: prompts are read behind fillers where they are scored whole, and where they are continued. */
export function filledLanguage(
  model: LanguageModel,
  { whole, cached }: { readonly whole: number; readonly cached: number },
  filler: number,
  begin?: number,
): LanguageModel {
  if (whole === 0 && cached === 0) return model;
  const { longest } = model;
  return {
    ...model,
    ...(longest !== undefined && { longest: Math.max(0, longest - Math.max(whole, cached)) }),
    async read(given, options): Promise<Reading> {
      const prompts = given.map((ids) => (ids.length === 0 && begin !== undefined ? [begin] : ids));
      const behind = (count: number) =>
        prompts.map((ids) => (ids.length === 0 ? ids : [...repeated(filler, count), ...ids]));
      const reading = await model.read(behind(cached), options);
      const scored = whole === cached ? reading : await model.read(behind(whole));
      return {
        ...reading,
        said: cached === 0 || reading.said[0]?.length !== prompts[0]!.length + cached ? reading.said : prompts,
        score: (targets) => scored.score(targets),
      };
    },
  };
}
