/** A form with a file, of which no more is held than what its reader has not taken yet. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import busboy from "busboy";
import { piecesOf } from "./body.ts";
import type { Ctx } from "./context.ts";
import { ApiError, invalid, refuse } from "./errors.ts";

export interface ReceivedFile {
  /** As it was sent. */
  readonly filename: string;
  /** The file's bytes. They end when the whole form has come, with an error where it is not as it should be. */
  readonly content: AsyncGenerator<Uint8Array, void>;
  /** Text fields so far; all of them once `content` has ended. */
  fields(): Readonly<Record<string, string>>;
}

/** Bytes of a form besides its file. */
const mostForm = 64 << 10;
const mostFields = 100;
const longestName = 200;

const shown = (name: string): string => name.slice(0, 80);

/**
 * Read a form until its file begins: the field `file`, wherever it stands among the others.
 * @param most bytes that its file may have
 * @throws ApiError 415 for what is no form, 400 for a broken one or one without a file, 413 for one of more bytes
 */
export async function receiveFile(c: Ctx, most: number): Promise<ReceivedFile> {
  const type = c.req.header("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) {
    refuse(415, "a file is sent as multipart/form-data, with the fields purpose and file", {
      code: "unsupported_media_type",
    });
  }
  const broken = (cause: unknown): never =>
    refuse(400, "the request is not the form that its Content-Type says", { code: "invalid_form", cause });
  let form: ReturnType<typeof busboy>;
  try {
    const limits = { fieldSize: mostForm, fields: mostFields, parts: mostFields + 1 };
    form = busboy({ headers: { "content-type": type }, defParamCharset: "utf8", limits });
  } catch (cause) {
    return broken(cause);
  }
  const fields = new Map<string, string>();
  /** End the reading with this refusal, which is thrown where the form or its file is read. */
  const end = (refusal: () => never): void => {
    try {
      refusal();
    } catch (error) {
      form.destroy(error as Error);
    }
  };
  form.on("field", (name, value, { valueTruncated }) => {
    if (valueTruncated || name.length > longestName)
      end(() => invalid(shown(name), `'${shown(name)}' is too long`, "too_long"));
    else fields.set(name, value);
  });
  for (const event of ["fieldsLimit", "partsLimit"] as const) {
    form.on(event, () => end(() => refuse(400, `a form has at most ${mostFields} fields`, { code: "invalid_form" })));
  }
  let file: { readonly filename: string; readonly bytes: Readable } | undefined;
  const begun = new Promise<void>((resolve) => {
    form.on("file", (name, bytes, { filename }) => {
      // One that is refused is destroyed with the form; nobody else listens to it.
      bytes.on("error", () => {});
      if (name !== "file") {
        end(() => invalid(shown(name), `'${shown(name)}': files come in the field 'file' alone`, "unknown_parameter"));
      } else if (file !== undefined) {
        end(() => invalid("file", "'file': one file is sent at a time", "invalid_value"));
      } else {
        file = { filename: filename ?? "", bytes };
        resolve();
      }
    });
  });
  const whole = pipeline(Readable.from(piecesOf(c, most + mostForm)), form).catch((error: unknown) => {
    if (error instanceof ApiError || c.get("asked").signal.aborted) throw error;
    broken(error);
  });
  // Whoever reads the file meets its error; until then it has no other listener.
  whole.catch(() => {});
  await Promise.race([begun, whole]);
  if (file === undefined) return invalid("file", "'file' is needed, and is not there", "missing_required_parameter");
  const { filename, bytes } = file;
  async function* content(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const piece of bytes) yield piece as Uint8Array;
    } catch {
      // Destroyed with its form, whose error is the one to tell.
    } finally {
      // What is not read any more is not waited for by whoever sends it.
      if (!bytes.readableEnded) form.destroy();
    }
    await whole;
  }
  return { filename, content: content(), fields: () => Object.fromEntries(fields) };
}
