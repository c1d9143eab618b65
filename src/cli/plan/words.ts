/** Figures of a plan in words. */
import type { Machine } from "../../plan/roofline.ts";
import { type Shape, stacksOf } from "../../plan/shapes.ts";
import { bytes } from "../output.ts";

export const whole = (n: number): string => Math.round(n).toLocaleString("en");

/** "7.6", "82", "0.042", "1,240": two digits that count. */
export function rate(value: number): string {
  if (value >= 100) return whole(value);
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}

/** "12 ms", "3.4 s", "12 min", "3.4 h", "12 days", "34 years". */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${rate(1000 * seconds)} ms`;
  if (seconds < 90) return `${rate(seconds)} s`;
  if (seconds < 5400) return `${rate(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${rate(seconds / 3600)} h`;
  const days = seconds / 86400;
  return days < 730 ? `${whole(days)} days` : `${whole(days / 365.25)} years`;
}

/** "5.7 GFLOP" and on to "3.14e23 FLOP". */
export function operations(flops: number): string {
  if (flops >= 1e18) return `${flops.toExponential(2).replace("+", "")} FLOP`;
  const units = ["", "k", "M", "G", "T", "P"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, flops)) / 3));
  return `${rate(flops / 1000 ** unit)} ${units[unit]}FLOP`;
}

/** "24 + 24 layers, width 2048, feed-forward 5120 gated, …". */
export function describeShape(shape: Shape): string {
  const { width, feedForward, heads, headSize } = shape;
  const { encoder, decoder } = stacksOf(shape);
  const stacks = [encoder, decoder].flatMap((stack) => stack?.layers ?? []).join(" + ");
  const gated = shape.family === "llama" || shape.family === "lamda" || ("gated" in shape && shape.gated);
  const words = [
    `${stacks} layers`,
    `width ${width}`,
    `feed-forward ${feedForward}${gated ? " gated" : ""}`,
    `${heads} heads of ${headSize}`,
  ];
  if ("keyHeads" in shape && shape.keyHeads < heads) words.push(`${shape.keyHeads} heads of keys`);
  if (shape.family === "network" && shape.kvHeads < heads) words.push(`${shape.kvHeads} heads of keys`);
  if (shape.family === "t5" && shape.experts) words.push(`${whole(shape.experts.count)} experts`);
  if ("vocabulary" in shape && shape.vocabulary !== undefined) words.push(`vocabulary ${whole(shape.vocabulary)}`);
  const makesWords = shape.family !== "network" || shape.vocabulary !== undefined;
  if ("tied" in shape && makesWords) words.push(shape.tied ? "tied output" : "untied output");
  if ("positions" in shape && shape.positions !== undefined) words.push(`${whole(shape.positions)} positions`);
  if (shape.family === "vit") words.push(`images of ${shape.image} in patches of ${shape.patch}`);
  if (shape.family === "network" && shape.tokens !== undefined) {
    words.push(`images of ${shape.image} as ${whole(shape.tokens)} tokens`);
  }
  return words.join(", ");
}

/** "24.0 GB, 46.2 GB/s, 481 GFLOP/s, disk 1.2 GB/s". */
export function describeMachine({ memory, bandwidth, flops, flopsInt8, disk }: Machine): string {
  return [
    bytes(memory),
    `${bytes(bandwidth)}/s`,
    ...(flops === undefined ? [] : [`${operations(flops)}/s`]),
    ...(flopsInt8 === undefined ? [] : [`${operations(flopsInt8)}/s in 8 bits`]),
    ...(disk === undefined ? [] : [`disk ${bytes(disk)}/s`]),
  ].join(", ");
}

/** Lines of at most `width` characters, broken between words. */
export function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].join("\n");
}
