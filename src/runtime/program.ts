/** A compiled graph: what every device and host offers. */
import type { NdArray } from "../graph/array.ts";

/** Where a graph runs. cpu, cuda (and webgpu through the native runtime) in Node; wasm and webgpu in the browser. */
export type Device = "cpu" | "cuda" | "wasm" | "webgpu";

export interface RunOptions<O extends string> {
  /** Compute only these outputs. */
  outputs?: readonly O[];
  /**
   * Write outputs into these arrays, also when they share their memory with an input: an update in place. Such an
   * output must depend on every other use of that input; the engine is free to compute it before a use it does not.
   */
  into?: Partial<Record<O, NdArray>>;
  /** Stops a run that has not begun, also one that waits for others; a run under way goes on to its end. */
  signal?: AbortSignal | undefined;
}

export interface Program<O extends string = string> extends AsyncDisposable {
  readonly inputs: readonly string[];
  readonly outputs: readonly O[];
  /** Run once. Inputs are named arrays; a missing, unknown or misshapen one is a `wrong_use` error. */
  run(feeds: Readonly<Record<string, NdArray>>, options?: RunOptions<O>): Promise<Record<O, NdArray>>;
}
