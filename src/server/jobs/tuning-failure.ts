/** Why a job of fine-tuning cannot go on, in the words of its owner's request. */
import { ZerothError } from "../../errors.ts";
import { apiError, messageOf } from "../errors.ts";
import type { RowsFile, TuningFailure, TuningStart } from "./tuning-messages.ts";
import { inFields } from "./tuning-options.ts";

/** Another try may mend these: the machine's fault, and not the request's. */
const passing: ReadonlySet<ZerothError["code"]> = new Set([
  ...(["storage_failed", "engine_failed", "out_of_memory", "interrupted", "busy", "internal"] as const),
]);

/** The row that a message of reading rows begins with. */
const rowOf = (message: string): number | undefined => {
  const [, row] = /\b(?:row|line) (\d+)\b/.exec(message) ?? [];
  return row === undefined ? undefined : Number(row);
};

function ofFile({ path, name }: RowsFile, param: string, error: ZerothError): TuningFailure {
  const { hint, code } = error;
  const what = error.message.replaceAll(`${path}: `, "").replaceAll(path, name);
  const row = rowOf(what);
  return {
    code: code === "too_long" ? "row_too_long" : `invalid_${param}`,
    message: inFields(`${name}: ${what}${hint === undefined ? "" : ` (${hint})`}`),
    param,
    ...(row !== undefined && { row }),
  };
}

/** The failure that an error is; undefined for one that another try may mend. */
export function failureOf(
  error: unknown,
  { training, validation }: Pick<TuningStart, "training" | "validation">,
): TuningFailure | undefined {
  if (!(error instanceof ZerothError) || passing.has(error.code)) return undefined;
  if (error.where?.startsWith(training.path)) return ofFile(training, "training_file", error);
  if (validation && error.where?.startsWith(validation.path)) return ofFile(validation, "validation_file", error);
  const message = inFields(messageOf(error));
  if (/^the loss of step/.test(error.message)) return { code: "training_diverged", message, param: "tuning" };
  if (error.code === "wrong_use") return { code: "invalid_hyperparameters", message, param: "tuning" };
  return { code: apiError(error).code ?? "invalid_request", message, param: "model" };
}
