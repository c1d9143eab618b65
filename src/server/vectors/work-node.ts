/** The work on files of vector stores: taken one after another, put into the index, noted as done. */

import { ZerothError } from "../../errors.ts";
import { newId } from "../../state/ids-node.ts";
import type { State } from "../../state/schema/tables.ts";
import {
  claimVectorFile,
  endVectorFile,
  releaseVectorFile,
  renewVectorFile,
  type VectorClaim,
  type VectorFileError,
} from "../../state/vectors/files.ts";
import { getStore } from "../../state/vectors/stores.ts";
import { keepLease, mostAttempts, startWork, type Work } from "../../state/work-loop.ts";
import { messageOf } from "../errors.ts";
import { passes } from "../jobs/passing.ts";
import type { VectorStores } from "./stores-node.ts";

export interface VectorWorkOptions {
  /** A process's name: who holds a lease. */
  readonly name?: string;
  /** Files in work at once. */
  readonly files?: number;
  /** Seconds that a lease lasts; it is renewed three times within. */
  readonly lease?: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look?: number;
  readonly problem?: ((error: unknown) => void) | undefined;
}

/** Seconds between two sweeps of indices that nobody needs. */
const sweepEvery = 60;

/** Why a file is not in its store, as its owner is told. */
function failureOf(error: unknown): VectorFileError | undefined {
  if (!(error instanceof ZerothError)) return { code: "server_error", message: "the file could not be read" };
  if (passes(error)) return undefined;
  // The file itself is there: what is not is the store's model.
  const ours = error.code === "internal" || error.code === "not_found";
  const code = error.code === "unsupported" ? "unsupported_file" : ours ? "server_error" : "invalid_file";
  return { code, message: messageOf(error).slice(0, 500) };
}

async function work(
  state: State,
  stores: VectorStores,
  claim: VectorClaim,
  lease: number,
  stopping: AbortSignal,
): Promise<void> {
  const { row } = claim;
  if (row.attempts > mostAttempts) {
    const message = `the server ended ${mostAttempts} times while it worked on this file`;
    await endVectorFile(state, claim, { code: "server_error", message });
    return;
  }
  const lost = new AbortController();
  const signal = AbortSignal.any([stopping, lost.signal]);
  const kept = keepLease(
    lease,
    () => renewVectorFile(state, claim, lease),
    (now) => now ?? lost.abort(),
  );
  try {
    const store = await getStore(state, row.owner, row.store);
    const bytes = await stores.put(store, row, signal);
    await endVectorFile(state, claim, { bytes });
  } catch (error) {
    if (lost.signal.aborted) return;
    const failure = stopping.aborted ? undefined : failureOf(error);
    if (failure) await endVectorFile(state, claim, failure);
    else if (stopping.aborted) await releaseVectorFile(state, claim);
    // Its lease ends by itself, and then it is tried again, not at once.
    if (!stopping.aborted && !(error instanceof ZerothError)) throw error;
  } finally {
    kept.end();
  }
}

/** Work on files of vector stores until it is stopped. Any number of processes may do so on one database. */
export function startVectorWork(
  state: State,
  stores: VectorStores,
  {
    name = newId(`process-${process.pid}-`),
    files = 2,
    lease = 30,
    look = 5,
    problem = () => undefined,
  }: VectorWorkOptions = {},
): Work {
  const stopping = new AbortController();
  let swept = Number.NEGATIVE_INFINITY;
  const loop = startWork(state, {
    ...{ most: files, look, problem },
    async tend() {
      if (performance.now() - swept <= sweepEvery * 1000) return;
      swept = performance.now();
      await stores.sweep();
    },
    async take() {
      const claim = await claimVectorFile(state, name, lease);
      return claim && (() => work(state, stores, claim, lease, stopping.signal));
    },
  });
  return {
    async stop() {
      stopping.abort();
      await loop.stop();
    },
  };
}
