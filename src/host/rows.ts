/** Rows of a request, some at a time, and what is wrong with one of them. */
import { ZerothError } from "../errors.ts";

/** Rows of scores, and texts and pictures of vectors, that are computed between two steps of the answers under way. */
export const rowsBetween = 16;

export const pieces = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

/** The error of a row of several, with its number. */
export function failedRow(error: ZerothError, row: number, rows: number): ZerothError {
  if (rows === 1) return error;
  return new ZerothError(error.code, error.message, {
    where: `row ${row + 1}`,
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
