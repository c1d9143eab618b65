/** Bodies of requests: their size before they are read, their depth before they are looked at. */
import { levelsOf } from "../base/json.ts";
import type { Ctx } from "./context.ts";
import { refuse } from "./errors.ts";

/** Levels of brackets; a tool's schema has about ten. */
const mostLevels = 200;

/** A body's bytes as they come; one of more than `limit` ends with 413, at its announced length if it has one. */
export async function* piecesOf(c: Ctx, limit: number): AsyncGenerator<Uint8Array, void> {
  const tooLarge = () =>
    refuse(413, `the request is larger than ${limit} bytes, the most that is taken here`, {
      code: "request_too_large",
      headers: { connection: "close" },
    });
  const announced = Number(c.req.header("content-length") ?? 0);
  if (announced > limit) tooLarge();
  const reader = c.req.raw.body?.getReader();
  let size = 0;
  let whole = false;
  try {
    for (;;) {
      const piece = await reader?.read();
      whole = piece === undefined || piece.done;
      if (piece === undefined || piece.done) return;
      size += piece.value.length;
      if (size > limit) tooLarge();
      yield piece.value;
    }
  } finally {
    if (!whole) reader?.cancel().catch(() => {});
  }
}

/** A body of at most so many bytes. */
async function limitedBytes(c: Ctx, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(c, limit)) pieces.push(piece);
  const bytes = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The value of a JSON text from outside: nested sanely, and no key of it reaches an object's prototype. */
export function parseJson(text: string): unknown {
  if (levelsOf(text) > mostLevels) refuse(400, `the JSON of the request is nested more than ${mostLevels} deep`);
  try {
    return /__proto__|\\u005f/i.test(text)
      ? JSON.parse(text, (key, value: unknown) => (key === "__proto__" ? undefined : value))
      : JSON.parse(text);
  } catch (cause) {
    return refuse(400, `the request is not valid JSON (${(cause as Error).message.slice(0, 120)})`, {
      code: "invalid_json",
      cause,
    });
  }
}

/** The JSON of a request; "" is nothing. */
export async function jsonBody(c: Ctx, limit: number): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  // Pages of other addresses may send any other type without asking first.
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    refuse(415, `the request's Content-Type must be application/json${type && `, not ${type.slice(0, 80)}`}`, {
      code: "unsupported_media_type",
    });
  }
  const bytes = await limitedBytes(c, limit);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return refuse(400, "the request is not valid UTF-8", { code: "invalid_json", cause });
  }
  return text.trim() === "" ? refuse(400, "the request has no body: send JSON") : parseJson(text);
}
