/** `zeroth vision fewshot`: classes learnt by a linear map of frozen features from a few examples of each. */
import { fail } from "../../errors.ts";
import { openLabelled } from "../../vision/data-node.ts";
import type { FeatureOptions } from "../../vision/features.ts";
import { fewShot, sharedLambda, supportOf, usualLambdas } from "../../vision/fewshot.ts";
import type { Output } from "../output.ts";
import { openVisionForCommand, type VisionFlags } from "./open.ts";

interface FewShotFlags extends VisionFlags, FeatureOptions {
  readonly data?: string | undefined;
  readonly shots?: number | undefined;
  readonly test?: number | undefined;
}

export async function fewShotCommand(flags: FewShotFlags, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.data === undefined) {
    fail("wrong_use", "--data is missing", {
      hint: "a folder with a folder for each class, or an IDX file of pictures",
    });
  }
  const shots = flags.shots ?? 10;
  const data = openLabelled(flags.data);
  const support = supportOf(data.labels, shots);
  const taken = new Set(support);
  const rest = data.labels.flatMap((_, i) => (taken.has(i) ? [] : [i])).slice(0, flags.test ?? 1000);
  if (rest.length === 0) {
    fail("bad_input", `${shots} of each class leave no picture to test on`, {
      where: flags.data,
      hint: "--shots fewer",
    });
  }
  await using model = await openVisionForCommand(flags, output, signal);
  const vectors = async (places: readonly number[]) => {
    const pixels = [];
    for (const i of places) {
      signal.throwIfAborted();
      pixels.push(model.prepare(await data.picture(i)));
    }
    return model.features(pixels, { layer: flags.layer, pool: flags.pool, signal });
  };
  const of = async (places: readonly number[]) => ({
    features: await vectors(places),
    labels: places.map((i) => data.labels[i]!),
  });
  const [train, test] = [await of(support), await of(rest)];
  const { accuracies } = fewShot(train, test);
  const best = sharedLambda([accuracies]);
  const [accuracy, lambda] = [accuracies[best]!, usualLambdas[best]!];
  output.row({ shots, accuracy, n: rest.length, lambda });
  output.text(
    `${(100 * accuracy).toFixed(2)} % of ${rest.length} pictures, from ${shots} of each of ${data.classes.length} classes (lambda ${lambda})\n`,
  );
  return 0;
}
