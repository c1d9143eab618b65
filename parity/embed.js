/** A vector for each line of a file, as one JSON array: node parity/embed.js FOLDER SENTENCES.txt */
import { readFileSync } from "node:fs";
import { openEncoder } from "../dist/text/open-node.js";

const [folder, file] = process.argv.slice(2);
const opened = await openEncoder(folder);
const vectors = await opened.encoder.embedAll(readFileSync(file, "utf8").split("\n").filter(Boolean));
for (const vector of vectors) if (vector instanceof Error) throw vector;
process.stdout.write(JSON.stringify(vectors.map((vector) => Array.from(vector))));
await opened[Symbol.asyncDispose]();
