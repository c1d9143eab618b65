/** Names of adapters: `base:adapter`. */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";

const adapterName = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$/;

/** Why a text is no name of an adapter. */
export const wrongName = (name: string): string | undefined =>
  adapterName.test(name) && !name.includes("..") && !/\.gguf$/i.test(name)
    ? undefined
    : `${shown(name)} is not an adapter's name: at most 64 letters, digits, ".", "_" and "-"`;

/** The parts of `base:adapter`; undefined for what has no such parts, a GGUF file of a repository among them. */
export function splitAdapter(id: string): { readonly base: string; readonly name: string } | undefined {
  const at = id.lastIndexOf(":");
  if (at <= 0 || wrongName(id.slice(at + 1)) !== undefined) return undefined;
  return { base: id.slice(0, at), name: id.slice(at + 1) };
}

/** @throws bad_input */
export function needAdapterId(id: string): { readonly base: string; readonly name: string } {
  const parts = splitAdapter(id);
  if (parts) return parts;
  const at = id.lastIndexOf(":");
  return fail("bad_input", (at > 0 && wrongName(id.slice(at + 1))) || `${shown(id)} is not base:adapter`);
}
