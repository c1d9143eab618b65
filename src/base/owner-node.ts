/** Processes that somebody starts by a channel and that end with them. */
import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/**
 * Call `end` when whoever started this process is gone: at once where they went while its program was still being read, of
 * which no event tells. What they had sent by then would be done for nobody.
 */
export function whenOwnerGone(end: () => void): void {
  if (process.connected) process.once("disconnect", end);
  else end();
}

/** Ctrl-C and a service's end reach every process of the group: whoever owns this one decides when it ends. */
export function leaveSignalsToOwner(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/**
 * Where memory runs out, have the system end this process before its owner, the sooner the greater `memory` (to 1000);
 * `slow`: let others have the processor first.
 */
export function giveWay({ memory, slow = false }: { readonly memory: number; readonly slow?: boolean }): void {
  try {
    if (slow) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    if (process.platform === "linux") writeFileSync("/proc/self/oom_score_adj", String(memory));
  } catch {
    // Not everywhere may a process say so.
  }
}
