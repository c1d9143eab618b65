#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/node/main.js", import.meta.url);
if (existsSync(fileURLToPath(main))) {
  const { run } = await import(main.href);
  await run(process.argv.slice(2));
} else {
  console.error("zeroth has not been built yet: run `npm ci` (or `npm run build`) in its folder first");
  process.exitCode = 1;
}
