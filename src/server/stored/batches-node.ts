/** Batches on a server: their lines are requests that it makes to itself, in the name of whom the batch belongs to. */
import { setTimeout as sleep } from "node:timers/promises";
import { type AnswerLine, startBatchWorker, type WorkerOptions } from "../../state/batches/worker-node.ts";
import type { State } from "../../state/schema/tables.ts";
import type { Work } from "../../state/work-loop.ts";
import type { ZerothServer } from "../app.ts";
import { everybody, type KeyOwner } from "../context.ts";

/** Seconds between two attempts of a request that found no room, where the answer names none. */
const again = 1;
/** What a later attempt mends: no room, an engine that starts anew. */
const passing = new Set([429, 503]);

const ownerOf = (owner: string): KeyOwner => (owner === everybody.owner ? everybody : { owner, admin: false });

/** Ask the server, as often as it has no room. */
const askLine =
  (server: Pick<ZerothServer, "ask">): AnswerLine =>
  async ({ url, body }, owner, signal) => {
    const text = JSON.stringify(body);
    for (;;) {
      const request = new Request(`http://localhost${url}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: text,
        signal,
      });
      const answer = await server.ask(ownerOf(owner), request);
      // A client that is gone gets an answer too; nobody shall take it for the line's.
      signal.throwIfAborted();
      if (!passing.has(answer.status) || answer.headers.get("x-should-retry") === "false") {
        return {
          status: answer.status,
          requestId: answer.headers.get("x-request-id") ?? "",
          body: await answer.json(),
        };
      }
      await answer.body?.cancel();
      await sleep(1000 * Number(answer.headers.get("retry-after") ?? again), undefined, { signal });
    }
  };

/** Work on the batches of a database with this server, until it is stopped. */
export const startBatches = (
  server: Pick<ZerothServer, "ask">,
  state: State,
  options: Omit<WorkerOptions, "answer"> = {},
): Work => startBatchWorker(state, { ...options, answer: askLine(server) });
