/** An open model of pictures, asked as an engine asks: classes and vectors of files that were sent. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { openVisionModel, type VisionModel } from "../images/open-node.ts";
import { type Region, regionSeen } from "../media/images/processor.ts";
import { cannot } from "../models/families.ts";
import type { OpenOptions } from "../text/open-node.ts";
import { loadedAdapters } from "./adapters/loaded-node.ts";
import type { LookedAt, ModelAbout, PictureInput, PredictTold } from "./engine.ts";
import type { OpenedHere } from "./opened.ts";
import { classesOf } from "./predict.ts";
import { failedRow, pieces, rowsBetween } from "./rows.ts";
import { turns } from "./waiting.ts";

/** A picture as the model takes it, and the part of it that this is. */
interface Seen {
  readonly pixels: NdArray;
  readonly region: Region;
}

/** What is known of it. @throws as opening does */
export async function openSeeing(about: ModelAbout, path: string, options: OpenOptions): Promise<OpenedHere> {
  const { id, family: type, kind } = about;
  const model: VisionModel = await openVisionModel(path, options);
  const inTurn = turns();
  const labels = model.architecture.labels ?? [];
  const textless = (): never => cannot({ type, kind }, "read texts", id);

  /** What the model takes of each picture. @throws bad_input for texts; corrupt_file naming the row */
  async function seenOf(inputs: readonly unknown[], first: number, all: number, signal: AbortSignal) {
    const seen: Seen[] = [];
    for (const [i, input] of inputs.entries()) {
      throwIfAborted(signal);
      const { image } = (typeof input === "object" ? input : {}) as Partial<PictureInput>;
      if (!image)
        return fail("bad_input", "texts: the model reads pictures", {
          where: id,
          hint: 'send {"image": "data:image/png;base64,…"}',
        });
      try {
        const { pixels, picture } = await model.readBytes(image, "the picture");
        seen.push({ pixels, region: regionSeen(picture, model.processor) });
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        const { code, message, hint } = error;
        // A file of this machine would be corrupt: one that was sent is bad input.
        const wrong = code === "corrupt_file" || code === "too_long";
        const sent = new ZerothError(wrong ? "bad_input" : code, message, {
          cause: error,
          ...(hint !== undefined && { hint }),
        });
        throw failedRow(sent, first + i, all);
      }
    }
    return seen;
  }

  async function lookedAt({ pixels, region }: Seen): Promise<LookedAt> {
    const { way, rows, columns, heat, label } = await model.explain(pixels);
    const of = label === undefined ? undefined : labels[label];
    return { ...{ way, rows, columns, heat: Array.from(heat), region }, ...(of !== undefined && { label: of }) };
  }

  /** A result for every input, some inputs at a time: others have their turn between two. */
  async function each<I, R>(
    inputs: readonly I[],
    signal: AbortSignal,
    work: (seen: readonly Seen[], some: readonly I[]) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const results: R[] = [];
    for (const some of pieces(inputs, rowsBetween)) {
      const seen = await seenOf(some, results.length, inputs.length, signal);
      results.push(...(await inTurn(() => work(seen, some))));
    }
    return results;
  }

  return {
    tokenizer: textless,
    shown: textless,
    adapters: loadedAdapters(model.opened.folder, 0),
    template: undefined,
    prompt: async () => textless(),
    // biome-ignore lint/correctness/useYield: it has nothing to tell
    async *generate() {
      textless();
    },
    score: async () => textless(),
    async embed({ inputs, dimensions, prompt }, signal) {
      if (dimensions !== undefined || prompt !== undefined) {
        fail("unsupported", "vectors of pictures are whole and have no prompt", { where: id });
      }
      return {
        vectors: await each(inputs, signal, (seen) =>
          model.features(
            seen.map(({ pixels }) => pixels),
            { signal },
          ),
        ),
        tokens: 0,
      };
    },
    async predict({ inputs, where = false }, signal) {
      if (labels.length === 0) cannot({ type, kind }, "tell classes", id);
      const { problem } = model.architecture;
      const told = await each(inputs, signal, async (seen, some): Promise<PredictTold[]> => {
        const found = await model.classify(
          seen.map(({ pixels }) => pixels),
          { signal },
        );
        const all: PredictTold[] = [];
        for (const [i, one] of found.entries()) {
          const classes = classesOf({ labels, problem }, one, some[i]!.choices);
          throwIfAborted(signal);
          all.push(where && classes.kind === "classes" ? { ...classes, where: await lookedAt(seen[i]!) } : classes);
        }
        return all;
      });
      return { told, tokens: 0 };
    },
    status: () => undefined,
    async [Symbol.asyncDispose]() {
      await inTurn(async () => {});
      await model[Symbol.asyncDispose]();
    },
  };
}
