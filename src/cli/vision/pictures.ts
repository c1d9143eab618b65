/** `zeroth vision classify` and `embed`: pictures given by name, or rows of them. */
import { textOf } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { FeatureOptions } from "../../images/features.ts";
import { parseViews } from "../../images/views.ts";
import type { Flags } from "../command.ts";
import type { InputBatch } from "../jobs.ts";
import type { rows } from "../options.ts";
import type { Output } from "../output.ts";
import { asKnown } from "../report.ts";
import { type Done, modelOf, openRowJob } from "../rows/run.ts";
import { openVisionForCommand, type VisionFlags } from "./open.ts";

type PicturesFlags = VisionFlags &
  Flags<typeof rows> &
  Pick<FeatureOptions, "layer" | "pool"> & {
    readonly top?: number | undefined;
    readonly views?: string | undefined;
    readonly stride?: number | undefined;
    readonly [name: string]: unknown;
  };

/** Bytes of pictures, as the model takes them, that are held at a time. */
const mostHeld = 256 << 20;

export async function picturesCommand(
  chosen: "classify" | "embed",
  images: readonly string[],
  flags: PicturesFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (chosen === "embed" && flags.views) fail("wrong_use", "--views is for classify: logits are averaged");
  if (flags.stride !== undefined && !flags.views) fail("wrong_use", "--stride is for --views");
  const views = flags.views ? { ...parseViews(flags.views), stride: flags.stride } : undefined;
  const given = images.map((image) => ({ image }));
  const job = await openRowJob(`vision ${chosen}`, { flags, given, output, signal });
  if (job === undefined) return 0;
  await using opened = await openVisionForCommand({ ...flags, model: flags.model }, output, signal);
  const { folder, weights } = opened.opened;
  const labels = opened.architecture.labels ?? [];
  const told = new Set<string>();
  const { height, width, channels, frames = 1 } = opened.architecture.image;
  const each = views ? views.clips * views.crops : 1;
  const together = Math.max(1, Math.floor(mostHeld / (4 * height * width * channels * frames * each)));

  /** Results, or errors, of some pictures. */
  async function of(inputs: InputBatch, onDone: (done: number) => void): Promise<(Done | ZerothError)[]> {
    const read = await Promise.all(
      inputs.map(async (row) => {
        if (row instanceof ZerothError) return row;
        try {
          const path = textOf(row, "image");
          // The decoded picture itself is let go of: a batch holds what the model takes.
          if (views) {
            const seen = await opened.readViews(path, views);
            return { path, pixels: seen.views, notes: seen.notes };
          }
          const { pixels, notes } = await opened.read(path);
          return { path, pixels: [pixels], notes };
        } catch (error) {
          return asKnown(error) ?? Promise.reject(error);
        }
      }),
    );
    const good = read.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
    for (const { path, notes } of good) {
      for (const note of notes) if (!told.has(path + note)) output.say(`${path}: ${note}`);
      for (const note of notes) told.add(path + note);
    }
    const pixels = good.flatMap((one) => one.pixels);
    const options = { signal, onDone };
    const results =
      chosen === "classify"
        ? (await opened.classify(pixels, { ...options, views: each })).map(({ logits, scores }) => {
            const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
            const best = order.slice(0, flags.top ?? 5).map((i) => ({ label: labels[i]!, score: scores[i]! }));
            const lines = best.map(({ label, score }) => `  ${score.toFixed(4)}  ${label}\n`);
            return { row: { labels: best, logits: [...logits] }, text: lines.join("") };
          })
        : (await opened.features(pixels, { ...options, layer: flags.layer, pool: flags.pool })).map((vector) => {
            const numbers = Array.from(vector, (value) => Number(value.toPrecision(9)));
            return { row: { embedding: numbers }, text: `${numbers.join("\t")}\n` };
          });
    return read.map((one) => {
      if (one instanceof ZerothError) return one;
      const { row, text } = results.shift()!;
      const head = chosen === "classify" && given.length !== 1 ? `${one.path}\n` : "";
      return { row: { ...(!flags.input && { image: one.path }), ...row }, show: () => output.text(head + text) };
    });
  }

  return job.run({
    model: modelOf({ name: flags.model, folder, weights }),
    things: "pictures",
    async batch(inputs, { onDone }) {
      const made: (Done | ZerothError)[] = [];
      while (made.length < inputs.length) {
        const before = made.length;
        made.push(...(await of(inputs.slice(before, before + together), (done) => onDone(before + done))));
      }
      return made;
    },
  });
}
