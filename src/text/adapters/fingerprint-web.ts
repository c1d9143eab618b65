/** What tells a base model from others of its shape, computed in a page. */
import { readInMemory } from "../../weights/stored.ts";
import { fingerprintDigits, fingerprintParts } from "./files.ts";
import type { BaseFolder } from "./read.ts";

/** The fingerprint of a base model; none in pages whose browser computes no hashes, for they are not secure. */
export async function fingerprintInPage(folder: Pick<BaseFolder, "config" | "weights">): Promise<string | undefined> {
  // Absent in pages that are not secure.
  const { subtle } = globalThis.crypto as { readonly subtle?: SubtleCrypto };
  if (!subtle) return undefined;
  const parts = fingerprintParts(folder, readInMemory) as (string | Uint8Array<ArrayBuffer>)[];
  const bytes = await new Blob(parts).arrayBuffer();
  const hash = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, fingerprintDigits);
}
