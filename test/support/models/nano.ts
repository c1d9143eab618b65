/** The embedded model as numbers: what is stored quantised is not quantised again. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { openModelFolder } from "../../../src/folders/open-node.ts";
import { writeModelFolder } from "../../../src/folders/write-node.ts";
import { shippedModels } from "../../../src/hub/find-node.ts";
import { toFloat32 } from "../../../src/weights/convert.ts";
import { readStored } from "../../../src/weights/safetensors-node.ts";
import { unquantizedConfig } from "../../../src/weights/weights.ts";

/** Write the embedded model's weights as float32 into a folder; returns the folder. */
export async function nanoAsNumbers(path: string): Promise<string> {
  const { config, weights, path: from } = openModelFolder(join(shippedModels, "zeroth-nano"));
  const tensors = [...weights].map(([name, stored]) => [name, toFloat32(readStored(stored))] as const);
  await writeModelFolder(path, { config: unquantizedConfig(config), tensors });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(from, name), join(path, name));
  return path;
}
