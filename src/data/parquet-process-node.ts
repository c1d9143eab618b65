/** The process in which Parquet files are read. */
import { ZerothError } from "../errors.ts";
import type { ParquetQuestion, ParquetReply } from "./parquet-messages.ts";
import { look, readGroup } from "./parquet-read-node.ts";

async function answer({ path, group }: ParquetQuestion): Promise<ParquetReply> {
  try {
    return group === undefined ? await look(path) : await readGroup(path, group);
  } catch (error) {
    const { code, message, where } = error as ZerothError;
    if (!(error instanceof ZerothError)) return { error: String(error), code: "corrupt_file" };
    return { error: where === undefined ? message : message.slice(where.length + 2), code };
  }
}

// The library reads columns side by side and waits for the first that fails: the others fail unheard.
process.on("unhandledRejection", () => {});
// Signals of a terminal reach every process of its group; whoever asked decides when this one ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.on("disconnect", () => process.exit());
process.on("message", async (question: ParquetQuestion) => {
  // Nobody to answer: the other end has gone meanwhile.
  process.send?.(await answer(question), () => {});
});
// Begun.
process.send?.({});
