/** A model that a person gave from their disk, as an address of the library's that is asked of nobody. */
import { ZerothError } from "../../src/errors.ts";

export interface GivenFile {
  readonly name: string;
  readonly file: File;
}

/** Files of a model's folder by their paths in it, or its address. */
export type GivenModel =
  | { readonly name: string; readonly files: readonly GivenFile[] }
  | { readonly name: string; readonly address: string };

type Files = Extract<GivenModel, { files: unknown }>;

const given = "https://files.invalid/";

const isOneFile = ({ name, files }: Files): boolean => files.length === 1 && /\.gguf$/i.test(name);

function fetchOf(model: Files, base: string) {
  const files = new Map(model.files.map(({ name, file }) => [name, file]));
  return async (address: string): Promise<Response> => {
    const file = address === base ? model.files[0]?.file : files.get(address.slice(base.length));
    return file
      ? new Response(file, { headers: { "content-length": String(file.size) } })
      : new Response(null, { status: 404 });
  };
}

/** Where the library finds the model, and how it fetches from there. */
export function addressOf(model: GivenModel): { base: string; fetching: { fetch?: ReturnType<typeof fetchOf> } } {
  if ("address" in model) return { base: model.address, fetching: {} };
  const base = isOneFile(model) ? `${given}${encodeURIComponent(model.name)}` : given;
  return { base, fetching: { fetch: fetchOf(model, base) } };
}

/** An error of the library's in a person's words: the address is a word between us and the library. */
export function withoutAddress(error: unknown, base: string, { name }: GivenModel): unknown {
  if (!(error instanceof ZerothError)) return error;
  const message = error.message.replaceAll(base, `${name}/`).replaceAll(`${name}//`, `${name}/`);
  return new ZerothError(error.code, message, error.hint === undefined ? {} : { hint: error.hint });
}
