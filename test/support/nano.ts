/** The embedded model as numbers: what is stored in few bits is not quantised again. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { toFloat32 } from "../../src/hub/convert.ts";
import { openModelFolder, shippedModels, writeModelFolder } from "../../src/hub/folder-node.ts";
import { readStored } from "../../src/hub/safetensors-node.ts";
import { unquantizedConfig } from "../../src/hub/weights.ts";

/** Write the embedded model's weights as float32 into a folder; returns the folder. */
export async function nanoAsNumbers(path: string): Promise<string> {
  const { config, weights, path: from } = openModelFolder(join(shippedModels, "zeroth-nano"));
  const tensors = [...weights].map(([name, stored]) => [name, toFloat32(readStored(stored))] as const);
  await writeModelFolder(path, { config: unquantizedConfig(config), tensors });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(from, name), join(path, name));
  return path;
}
