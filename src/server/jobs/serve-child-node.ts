/** The other end of a {@link startChild}: a process that does one piece of work, and may be killed at any moment. */
import { giveWay, leaveSignalsToOwner, whenOwnerGone } from "../../base/owner-node.ts";

/** Resolves when it is sent, or nobody is there to hear it. */
export const tellOwner = (message: object): Promise<void> =>
  new Promise((resolve) => {
    // That the channel breaks is told by its own event.
    if (process.connected) process.send?.(message, undefined, {}, () => resolve());
    else resolve();
  });

interface Start {
  readonly kind: "start";
  readonly start: unknown;
}

/**
 * Do the piece of work that a server gives, and end. It computes at a lower priority than whoever answers.
 * @param work tells how it ended, and never rejects
 * @param heard what else the server says
 */
export function serveOnce<To extends { readonly kind: string }>(
  work: (start: Extract<To, Start>["start"]) => Promise<void>,
  heard: (message: Exclude<To, Start>) => void,
): void {
  let over = false;
  process.on("message", (message: To) => {
    if (message.kind !== "start") return heard(message as Exclude<To, Start>);
    work((message as Extract<To, Start>).start).then(() => {
      over = true;
      if (process.connected) process.disconnect();
    });
  });
  // Its server is gone, and with it the right to this work: another one has it, or will.
  whenOwnerGone(() => over || process.kill(process.pid, "SIGKILL"));
  leaveSignalsToOwner();
  giveWay({ memory: 1000, slow: true });
  void tellOwner({ kind: "ready" });
}
