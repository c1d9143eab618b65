/** How many threads a command uses. */
import { availableParallelism } from "node:os";
import { fail } from "../errors.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import type { Output } from "./output.ts";

/** Threads as asked for, but no more than there are cores: beyond them each one only waits for the others. */
export function threadsFor(wanted: number | undefined, output: Output): number {
  if (wanted === undefined) return defaultThreads();
  if (wanted < 1) fail("wrong_use", `--threads ${wanted}: expected 1 or more`);
  const cores = availableParallelism();
  if (wanted <= cores) return wanted;
  output.say(`--threads ${wanted}: this machine has ${cores} cores, so ${cores} are used`);
  return cores;
}
