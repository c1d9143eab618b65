/** The settings of a folder of sentence-transformers at an address. */
import { jsonLimits, parseJsonObject } from "../../base/json.ts";
import type { FetchedParts } from "../../folders/fetch-web.ts";
import { safetensorsInMemory } from "../../weights/safetensors-memory.ts";
import type { FolderFiles } from "./config.ts";

export const filesAt = (base: string, { file }: Pick<FetchedParts, "file">): FolderFiles => ({
  where: base,
  async json(name) {
    const found = await file(name);
    if (!found) return undefined;
    const text = new TextDecoder().decode(found);
    return parseJsonObject(`{"file":${text}}`, `${base}/${name}`, jsonLimits.config).file;
  },
  async weights(name) {
    const found = await file(`${name}/model.safetensors`);
    return found && safetensorsInMemory(found, `${base}/${name}/model.safetensors`);
  },
});
