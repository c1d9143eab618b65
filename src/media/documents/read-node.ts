/** Documents in files. */
import { readBytes, withFile } from "../../base/read-node.ts";
import { type ReaderLimits, readerProcess } from "../../base/reader-process-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { DocumentText } from "./document.ts";
import { documentOf, isPdf, readerOf } from "./read.ts";

const limits: ReaderLimits = { milliseconds: 60_000, megabytes: 768 };

const pdfs = readerProcess<{ readonly path: string }, DocumentText>({
  as: "as PDF",
  // The sources themselves are only run by tests, which build first: a process cannot be started from TypeScript.
  script: import.meta.url.endsWith(".ts")
    ? new URL("../../../dist/media/documents/pdf-process-node.js", import.meta.url)
    : new URL("./pdf-process-node.js", import.meta.url),
  each: { milliseconds: 10_000, megabytes: 32 },
});

/**
 * A document's text, with places.
 * @param where how messages name it
 * @throws not_found; corrupt_file for what is no text, or takes more time or memory than it may; unsupported for a kind
 *   that is not read; interrupted
 */
export async function readDocument(
  path: string,
  where: string = path,
  { signal, within = limits }: { readonly signal?: AbortSignal | undefined; readonly within?: ReaderLimits } = {},
): Promise<DocumentText> {
  const { most } = readerOf(path, where);
  const bytes = withFile(
    path,
    (file, size) => {
      if (size > most) fail("corrupt_file", `${size} bytes, at most ${most} are read`, { where });
      return isPdf(path) ? undefined : readBytes(file, 0, size);
    },
    where,
  );
  if (bytes) return documentOf(path, bytes, where);
  try {
    return await pdfs.ask({ path }, within, signal);
  } catch (cause) {
    if (!(cause instanceof ZerothError) || where === path) throw cause;
    const { code, message, hint } = cause;
    throw new ZerothError(code, message.slice(path.length + 2), { where, ...(hint && { hint }) });
  }
}
