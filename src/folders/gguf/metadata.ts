/** Entries of a GGUF file's metadata by name and by what they must be. */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { GgufValue } from "../../weights/gguf/header.ts";

export interface Metadata {
  has(key: string): boolean;
  text(key: string): string | undefined;
  truth(key: string): boolean | undefined;
  number(key: string): number | undefined;
  /** A whole number from 0 on. */
  count(key: string): number | undefined;
  /** As {@link count}; a list of one number for each layer counts where all are the same. */
  same(key: string): number | undefined;
  texts(key: string): string[] | undefined;
  numbers(key: string): ArrayLike<number> | undefined;
  /** @throws corrupt_file where the entry is missing */
  need<T>(key: string, value: T | undefined): T;
}

const kindOf = (value: GgufValue): string =>
  typeof value === "object" ? `a list of ${value.length}` : `the ${typeof value} ${shown(String(value))}`;

/** @param where the file, for messages */
export function metadataOf(entries: ReadonlyMap<string, GgufValue>, where: string): Metadata {
  const refuse = (key: string, expected: string): never =>
    fail("corrupt_file", `is ${kindOf(entries.get(key)!)}, expected ${expected}`, {
      where: `${where}, key ${shown(key)}`,
    });
  const read = <T>(key: string, expected: string, take: (value: GgufValue) => T | undefined): T | undefined => {
    const value = entries.get(key);
    return value === undefined ? undefined : (take(value) ?? refuse(key, expected));
  };
  const whole = (value: unknown): number | undefined =>
    Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
  const metadata: Metadata = {
    has: (key) => entries.has(key),
    text: (key) => read(key, "a text", (value) => (typeof value === "string" ? value : undefined)),
    truth: (key) => read(key, "a truth value", (value) => (typeof value === "boolean" ? value : undefined)),
    number: (key) => read(key, "a finite number", (value) => (Number.isFinite(value) ? (value as number) : undefined)),
    count: (key) => read(key, "a whole number from 0 on", whole),
    same: (key) =>
      read(key, "a whole number from 0 on, the same for every layer", (value) => {
        if (typeof value !== "object" || "read" in value) return whole(value);
        const first = Number(value[0]);
        return value.length > 0 && value.every((one: number | bigint) => Number(one) === first)
          ? whole(first)
          : undefined;
      }),
    texts: (key) =>
      read(key, "a list of texts", (value) =>
        typeof value === "object" && "read" in value ? value.read() : undefined,
      ),
    numbers: (key) =>
      read(key, "a list of numbers", (value) => {
        const isNumbers = typeof value === "object" && !("read" in value);
        if (!isNumbers || value instanceof BigInt64Array || value instanceof BigUint64Array) return undefined;
        return value;
      }),
    need: (key, value) => value ?? fail("corrupt_file", `key ${shown(key)} is missing`, { where }),
  };
  return metadata;
}
