/** `zeroth vision explain`: where a model looks in a picture, as a PNG over it. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { ways } from "../../images/explain.ts";
import { encodePng } from "../../media/images/encode-node.ts";
import { overlay } from "../../media/images/overlay.ts";
import { regionSeen } from "../../media/images/processor.ts";
import type { Output } from "../output.ts";
import { openVisionForCommand, type VisionFlags } from "./open.ts";

interface ExplainFlags extends VisionFlags {
  readonly method?: string | undefined;
  readonly label?: number | undefined;
  readonly out?: string | undefined;
  readonly overwrite?: boolean | undefined;
}

export async function explainCommand(
  images: readonly string[],
  flags: ExplainFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const [image] = images;
  if (image === undefined || images.length > 1) {
    return fail("wrong_use", `explain takes one picture, got ${images.length}`, {
      hint: "try: zeroth vision explain --model NAME picture.png --out where.png",
    });
  }
  const way = ways.find((known) => known === flags.method);
  if (flags.method !== undefined && way === undefined) {
    fail("wrong_use", `--method ${flags.method} is one of finetune's: expected ${ways.join(" or ")}`);
  }
  if (way === "attention" && flags.label !== undefined) {
    fail("wrong_use", "attention is of no class: --label goes with --method gradient");
  }
  const out = flags.out ?? `${basename(image).replace(/\.\w+$/, "")}.look.png`;
  if (existsSync(out) && !flags.overwrite) {
    fail("bad_input", "is there already", { where: out, hint: "give another --out, or --overwrite" });
  }
  await using model = await openVisionForCommand(flags, output, signal);
  const { pixels, picture, notes } = await model.read(image);
  for (const note of notes) output.say(`${image}: ${note}`);
  const labelled = flags.label === undefined ? {} : { label: flags.label };
  const asked = way ?? (flags.label === undefined ? undefined : "gradient");
  const explained = await model.explain(pixels, { way: asked, ...labelled });
  await writeFileSafely(out, await encodePng(overlay(picture, regionSeen(picture, model.processor), explained)));
  const label = explained.label === undefined ? undefined : model.architecture.labels?.[explained.label];
  output.row({ image, method: explained.way, ...(label !== undefined && { label }), out });
  output.text(`${out}: ${label === undefined ? "attention, rolled out" : `what "${label}" rests on`}\n`);
  return 0;
}
