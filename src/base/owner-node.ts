/** Processes that somebody starts by a channel and that end with them. */

/**
 * Call `end` when whoever started this process is gone: at once where they went while its program was still being read, of
 * which no event tells. What they had sent by then would be done for nobody.
 */
export function whenOwnerGone(end: () => void): void {
  if (process.connected) process.once("disconnect", end);
  else end();
}
