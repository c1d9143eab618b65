/** What a conversation keeps between its answers, so that each prompt is computed only from where it is new. */
import type { RowCache } from "../cache.ts";

/** Made by {@link createMemory}, owned by whoever talks; what it holds is the model's that reads with it. */
export interface Memory {
  /** Tokens of the text whose keys and values are held. */
  readonly tokens: number;
  /** Hold nothing any more. */
  clear(): void;
}

/** The text of one row, and its keys and values. */
export interface Held {
  /** The model they are of: numbers of another one mean nothing to it. */
  readonly model: object;
  /** The decoding that goes on with it. */
  readonly by: object;
  readonly ids: readonly number[];
  readonly cache: RowCache;
}

const contents = new WeakMap<Memory, Held>();

/**
 * A memory for one text that goes on, such as a chat: given with every prompt of it, only what follows the longest
 * common begin with what it holds is computed. It keeps the keys and values of that text: memory by its length.
 */
export function createMemory(): Memory {
  const memory: Memory = {
    get tokens() {
      return contents.get(memory)?.ids.length ?? 0;
    },
    clear: () => void contents.delete(memory),
  };
  return memory;
}

export const heldIn = (memory: Memory): Held | undefined => contents.get(memory);

export const holdIn = (memory: Memory, held: Held): void => void contents.set(memory, held);

/** Tokens that two texts begin with alike. */
export function commonBegin(a: readonly number[], b: readonly number[]): number {
  const differ = a.findIndex((id, i) => id !== b[i]);
  return differ < 0 ? a.length : differ;
}
