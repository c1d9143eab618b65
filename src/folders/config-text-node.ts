/** config.json of a folder that is made from another one. */
import { type JsonObject, jsonLimits, writtenLike } from "../base/json.ts";
import { readTextFile } from "../base/read-node.ts";
import { locate } from "../hub/locate-node.ts";

/**
 * A configuration as the text of its file: whole floats keep their points where the folder at `path` has a config.json
 * that writes them so.
 */
export function configText(path: string, config: JsonObject): string {
  const file = locate(path, "config.json");
  return writtenLike(config, file === undefined ? "" : readTextFile(file, jsonLimits.config));
}
