/** A graph ready to be opened by an engine. Its types are this package's own: the engine's need those of a page. */
import type { OnnxModel } from "../graph/lower.ts";

/** The names and types of what goes in and comes out; all a program needs of its model. */
export type Signature = Pick<OnnxModel, "inputs" | "outputs">;

/** A graph ready to be opened, here or in another thread or process: plain data. */
export interface Prepared {
  readonly model: Uint8Array;
  /** Weight files the model points into, and their folder. */
  readonly files: readonly string[];
  readonly folder: string | undefined;
  readonly signature: Signature;
  /** The engine's options of a session. */
  readonly options: Readonly<Record<string, unknown>>;
}
