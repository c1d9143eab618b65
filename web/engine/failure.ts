/** What went wrong in a worker, as its page is told. */
import { ZerothError } from "../../src/errors.ts";
import type { Failure } from "./messages.ts";

export function failureOf(error: unknown): Failure {
  if (error instanceof ZerothError) {
    return { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) };
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}
