/** The error that something ends with, which must be one of ours. */
import { ZerothError } from "../../src/errors.ts";

const ours = (error: unknown): ZerothError => {
  if (error instanceof ZerothError) return error;
  throw error;
};

export function failure(run: () => unknown): ZerothError {
  try {
    run();
  } catch (error) {
    return ours(error);
  }
  throw new Error("did not fail");
}

export async function failureOf(work: Promise<unknown>): Promise<ZerothError> {
  try {
    await work;
  } catch (error) {
    return ours(error);
  }
  throw new Error("did not fail");
}
