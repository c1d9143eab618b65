/** The thread in which Parquet files are read: a path comes in, rows or what was wrong go out. */
import { parentPort } from "node:worker_threads";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

export type ParquetReply = { readonly rows: readonly Readonly<Record<string, unknown>>[] } | { readonly error: string };

async function read(path: string): Promise<ParquetReply> {
  try {
    return { rows: await parquetReadObjects({ file: await asyncBufferFromFile(path) }) };
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}

// The library reads columns side by side and waits for the first that fails: the others fail unheard.
process.on("unhandledRejection", () => {});

parentPort?.on("message", async (path: string) => parentPort?.postMessage(await read(path)));
