/** `zeroth vision fewshot`: classes learnt by a linear map of frozen features from a few examples of each. */
import { fail } from "../../errors.ts";
import type { FeatureOptions } from "../../images/features.ts";
import type { VisionModel } from "../../images/open-node.ts";
import type { LabelledPictures } from "../../vision/data/labelled.ts";
import { openLabelled } from "../../vision/data/open-node.ts";
import { fewShot, sharedLambda, spread, supportOf, usualLambdas } from "../../vision/fewshot.ts";
import type { Output } from "../output.ts";
import { openVisionForCommand, type VisionFlags } from "./open.ts";

interface FewShotFlags extends VisionFlags, Pick<FeatureOptions, "layer" | "pool"> {
  readonly data?: string | undefined;
  readonly layers?: string | undefined;
  readonly shots?: number | undefined;
  readonly test?: number | undefined;
}

/** Vectors of examples, by the names of layers; of one layer alone under `features`. */
async function vectorsOf(
  model: VisionModel,
  data: LabelledPictures,
  places: readonly number[],
  { layer, pool, layers, repeatLast }: FewShotFlags,
  signal: AbortSignal,
): Promise<Record<string, Float32Array[]>> {
  const pixels = [];
  const { frames } = model.architecture.image;
  for (const i of places) {
    signal.throwIfAborted();
    pixels.push(model.prepare(await data.read(i, { frames, repeatLast })));
  }
  if (layers === "all") return model.layers(pixels, { pool, signal });
  return { features: await model.features(pixels, { layer, pool, signal }) };
}

export async function fewShotCommand(flags: FewShotFlags, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.data === undefined) {
    fail("wrong_use", "--data is missing", {
      hint: "a folder with a folder for each class, an IDX file of pictures, or a .csv with the columns file and label",
    });
  }
  if (flags.layers !== undefined && flags.layer !== undefined) fail("wrong_use", "give --layer or --layers, not both");
  const shots = flags.shots ?? 10;
  const data = await openLabelled(flags.data);
  const support = supportOf(data.labels, shots);
  const taken = new Set(support);
  // Data may be sorted by class: the test takes from all of it.
  const rest = spread(
    data.labels.flatMap((_, i) => (taken.has(i) ? [] : [i])),
    flags.test ?? 1000,
  );
  if (rest.length === 0) {
    fail("bad_input", `${shots} of each class leave no picture to test on`, {
      where: flags.data,
      hint: "--shots fewer",
    });
  }
  await using model = await openVisionForCommand(flags, output, signal);
  const labelsOf = (places: readonly number[]) => places.map((i) => data.labels[i]!);
  const [train, test] = [
    await vectorsOf(model, data, support, flags, signal),
    await vectorsOf(model, data, rest, flags, signal),
  ];
  let best: { layer: string; accuracy: number } | undefined;
  for (const layer of Object.keys(train)) {
    const { accuracies } = fewShot(
      { features: train[layer]!, labels: labelsOf(support) },
      { features: test[layer]!, labels: labelsOf(rest) },
    );
    const place = sharedLambda([accuracies]);
    const [accuracy, lambda] = [accuracies[place]!, usualLambdas[place]!];
    if (!best || accuracy > best.accuracy) best = { layer, accuracy };
    const named = layer === "features" ? {} : { layer: layer.replace("layer.", "") };
    output.row({ ...named, shots, accuracy, n: rest.length, lambda });
    const head = layer === "features" ? "" : `layer ${layer.replace("layer.", "").padEnd(4)}  `;
    const tail = `of ${rest.length} pictures, from ${shots} of each of ${data.classes.length} classes`;
    output.text(`${head}${(100 * accuracy).toFixed(2)} % ${tail} (the best lambda for them, ${lambda})\n`);
  }
  if (flags.layers === "all") {
    const name = best!.layer.replace("layer.", "");
    output.say(name === "last" ? "best: the last layer behind its norm" : `best: layer ${name} (--layer ${name})`);
  }
  return 0;
}
