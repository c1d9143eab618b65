/** An open model of pictures, asked as an engine asks: classes and vectors of files that were sent. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { openVisionModel, type VisionModel } from "../images/open-node.ts";
import { cannot } from "../models/families.ts";
import type { OpenOptions } from "../text/open-node.ts";
import { loadedAdapters } from "./adapters/loaded-node.ts";
import type { ModelAbout, PictureInput, PredictTold } from "./engine.ts";
import type { OpenedHere } from "./opened.ts";
import { classesOf } from "./predict.ts";
import { failedRow, pieces, rowsBetween } from "./rows.ts";
import { turns } from "./waiting.ts";

/** What is known of it. @throws as opening does */
export async function openSeeing(about: ModelAbout, path: string, options: OpenOptions): Promise<OpenedHere> {
  const { id, family: type, kind } = about;
  const model: VisionModel = await openVisionModel(path, options);
  const inTurn = turns();
  const labels = model.architecture.labels ?? [];
  const textless = (): never => cannot({ type, kind }, "read texts", id);

  /** What the model takes of each picture. @throws bad_input for texts; corrupt_file naming the row */
  async function pixelsOf(inputs: readonly unknown[], first: number, all: number, signal: AbortSignal) {
    const pixels: NdArray[] = [];
    for (const [i, input] of inputs.entries()) {
      throwIfAborted(signal);
      const { image } = (typeof input === "object" ? input : {}) as Partial<PictureInput>;
      if (!image)
        return fail("bad_input", "texts: the model reads pictures", {
          where: id,
          hint: 'send {"image": "data:image/png;base64,…"}',
        });
      try {
        pixels.push((await model.readBytes(image, "the picture")).pixels);
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        const { code, message, hint } = error;
        // A file of this machine would be corrupt: one that was sent is bad input.
        const sent = new ZerothError(code === "corrupt_file" ? "bad_input" : code, message, {
          cause: error,
          ...(hint !== undefined && { hint }),
        });
        throw failedRow(sent, first + i, all);
      }
    }
    return pixels;
  }

  /** A result for every input, some inputs at a time: others have their turn between two. */
  async function each<I, R>(
    inputs: readonly I[],
    signal: AbortSignal,
    work: (pixels: readonly NdArray[], some: readonly I[]) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const results: R[] = [];
    for (const some of pieces(inputs, rowsBetween)) {
      const pixels = await pixelsOf(some, results.length, inputs.length, signal);
      results.push(...(await inTurn(() => work(pixels, some))));
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
      return { vectors: await each(inputs, signal, (pixels) => model.features(pixels)), tokens: 0 };
    },
    async predict({ inputs }, signal) {
      if (labels.length === 0) cannot({ type, kind }, "tell classes", id);
      const { problem } = model.architecture;
      const told = await each(inputs, signal, async (pixels, some): Promise<PredictTold[]> => {
        const found = await model.classify(pixels, { signal });
        return found.map((one, i) => classesOf({ labels, problem }, one, some[i]!.choices));
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
