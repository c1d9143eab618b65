/** A schema without references and cases. */
import type { Bounds } from "../numbers.ts";
import type { Part, types } from "./keywords.ts";

/** All of these hold; without any, everything fits. */
export type Both = readonly Part[];

export type Type = (typeof types)[number];

export interface Flat {
  readonly part: Part;
  readonly types: ReadonlySet<Type>;
  /** Numbers are whole. */
  readonly whole: boolean;
  /** Of enum and const. */
  readonly values?: readonly unknown[] | undefined;
  readonly bounds: Bounds;
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern?: string | undefined;
  readonly format?: string | undefined;
  readonly prefix: readonly Both[];
  readonly items: Both;
  readonly minItems: number;
  readonly maxItems: number;
  readonly properties: ReadonlyMap<string, Both>;
  /** Of properties that are not listed; undefined where nothing is said of them. */
  readonly additional?: Both | undefined;
  readonly required: readonly string[];
  readonly minProperties: number;
  readonly maxProperties: number;
}
