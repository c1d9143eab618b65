export { readInput } from "../src/data/cli-rows-node.ts";
export { ZerothError } from "../src/errors.ts";
