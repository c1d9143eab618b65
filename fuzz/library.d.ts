export { readInput } from "../src/cli/rows.ts";
export { ZerothError } from "../src/errors.ts";
