/** What is known of a run that lies in a folder. */
import { type RunState, stateOf } from "./state.ts";
import { folderReader } from "./store-node.ts";

/** @throws not_found, corrupt_file */
export const readState = (folder: string): RunState => stateOf(folderReader(folder));
