/** What a server and the process that makes a digest say to each other. */
import type { Edits } from "../../digest/edits.ts";
import type { AskedDigest } from "./schema.ts";

export interface DigestStart {
  /** A store that is there. */
  readonly store?: string | undefined;
  /** Or a file of metadata, and where a store is made of it. */
  readonly rows?: { readonly path: string; readonly store: string } | undefined;
  readonly group: string;
  readonly month: string;
  readonly asked: AskedDigest;
  readonly edits: Edits | undefined;
  /** What vectors of the encoder are kept by, where one is asked for. */
  readonly vectors: string | undefined;
}

export type ToDigest =
  | { readonly kind: "start"; readonly start: DigestStart }
  /** What the model wrote; empty where it takes no such prompt. */
  | { readonly kind: "answer"; readonly id: number; readonly text: string }
  /** What the encoder made of texts. */
  | { readonly kind: "vectors"; readonly id: number; readonly vectors: readonly Float32Array[] };

export type FromDigest =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "prompt"; readonly id: number; readonly text: string }
  | { readonly kind: "texts"; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: "done"; readonly document: string }
  /** Its owner is told. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** It may go well another time. */
  | { readonly kind: "failed"; readonly message: string };
