/** Pictures that are sent in a request. */
import { z } from "@hono/zod-openapi";
import { invalid } from "./errors.ts";

export const pictureField = z
  .string()
  .min(1)
  .describe("a picture's file: data:image/png;base64,…, or its base64 alone");

/**
 * The bytes of a picture's file.
 * @throws ApiError 400 for an address, which is not fetched in anybody's name, and for what is no base64
 */
export function pictureOf(text: string, name: string): Uint8Array {
  if (/^[a-z][\w+.-]*:\/\//i.test(text)) {
    return invalid(name, `'${name}' is an address: pictures are sent, not fetched; send data:image/png;base64,…`);
  }
  const [, coded] = /^data:[\w.+/-]*(?:;[\w=.-]+)*;base64,(.*)$/s.exec(text) ?? [undefined, text];
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(coded!)) {
    return invalid(name, `'${name}' is no base64; send data:image/png;base64,…`);
  }
  return new Uint8Array(Buffer.from(coded!, "base64"));
}
