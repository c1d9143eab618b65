/** Questions with the passages that answer them, in the layouts that are read. */
import { type Beir, openBeir } from "./beir-node.ts";
import { openDprJson } from "./dpr-json-node.ts";

/**
 * @param path a folder as BEIR has it, or a `.json` file of DPR's, which has no splits
 * @throws not_found for a file of it; corrupt_file naming file and line
 */
export const openJudged = async (path: string, split: string): Promise<Beir> =>
  /\.json$/i.test(path) ? openDprJson(path) : openBeir(path, split);
