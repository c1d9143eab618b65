/** Models of the fixtures, read as the program reads them. */

import type { T5Config } from "../../../src/models/encoder-decoders/t5/config.ts";
import { t5Architecture } from "../../../src/models/encoder-decoders/t5/family.ts";
import { readModel } from "../../../src/models/families.ts";
import type { Architecture, Kind } from "../../../src/models/family.ts";
import { encoderDecoderLoss } from "../../../src/models/kinds/encoder-decoder-loss.ts";
import type { LossOptions } from "../../../src/models/kinds/loss.ts";
import { createScope } from "../../../src/nn/scope.ts";
import type { Weights } from "../../../src/weights/weights.ts";
import { readJson, readWeights } from "../fixtures.ts";

/** An architecture of this kind and its weights, by the network's names. */
export function readFixture<K extends Kind>(
  folder: string,
  kind: K,
  stored: Weights = readWeights(folder),
  config = "config.json",
) {
  const { architecture, weights } = readModel(readJson(folder, config), stored, folder);
  if (architecture.kind !== kind) throw new Error(`${folder} is ${architecture.kind}`);
  return { architecture: architecture as Extract<Architecture, { kind: K }>, weights };
}

/** The training loss of a T5 and its parameters. */
export function t5Loss(config: T5Config, options: LossOptions = {}) {
  const scope = createScope();
  const loss = encoderDecoderLoss(t5Architecture(config)).graph(scope, options);
  return { loss, parameters: [...scope.parameters.values()] };
}
