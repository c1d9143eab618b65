/** Troubles on a terminal: told, and the conversation goes on. */
import type { Output } from "../output.ts";
import { asKnown } from "../report.ts";

/** Tell an error that a person can do something about; others go on. An interruption is what was asked for. */
export function tell(error: unknown, output: Output): void {
  const known = asKnown(error);
  if (!known) throw error;
  if (known.code !== "interrupted") output.text(`${known.message}\n${known.hint ? `  → ${known.hint}\n` : ""}`);
}

/** Close a model. What could not be opened fails again when it is closed: that was told when it was first needed. */
export async function closeQuietly(model: AsyncDisposable): Promise<void> {
  try {
    await model[Symbol.asyncDispose]();
  } catch (error) {
    if (asKnown(error) === undefined) throw error;
  }
}
