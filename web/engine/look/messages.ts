/** What the page and the worker that looks at pictures say to each other; `id` names a request, which has one answer. */
import type { Look } from "../../../src/images/open-web.ts";
import type { GivenModel } from "../given.ts";
import type { Failure } from "../messages.ts";

export type LookOrder =
  | { readonly kind: "open"; readonly model: GivenModel }
  | { readonly kind: "look"; readonly file: Blob }
  /** Lay over a picture where a model elsewhere looked in it. */
  | { readonly kind: "lay"; readonly file: Blob; readonly look: Look };

export type LookRequest = LookOrder & { readonly id: number };

export interface OpenedLooker {
  readonly type: string;
  readonly classes: number;
  readonly sides: { readonly height: number; readonly width: number };
  readonly warnings: readonly string[];
}

/** A picture as it was decoded, the likeliest classes, and where the model looked, laid over what it saw. */
export interface Looked extends Pick<Look, "labels"> {
  readonly width: number;
  readonly height: number;
  readonly way: Look["where"]["way"];
  readonly of?: string | undefined;
  /** The overlay as red, green, blue and 255. */
  readonly overlay: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
}

export type LookReport =
  | { readonly kind: "answer"; readonly id: number; readonly answer: OpenedLooker | Looked }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
