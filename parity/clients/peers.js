/** Packages of other people from the node_modules below ZEROTH_PEERS, and checks that are counted. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const peers = createRequire(join(process.env.ZEROTH_PEERS ?? ".", "package.json"));

/** A package as Node imports it from there. */
export const peer = (name) => import(pathToFileURL(peers.resolve(name)).href);

export const versionOf = (name) => peers(`${name}/package.json`).version;

/** What was typed: an address, a model that talks, and one that gives vectors. */
export function given() {
  const [url, model, encoder] = process.argv.slice(2);
  if (url && model) return { url, model, encoder };
  console.error(`usage: ZEROTH_PEERS=FOLDER node ${process.argv[1]} http://127.0.0.1:8080 MODEL [ENCODER]`);
  return process.exit(2);
}

/** Whether a model's chat template knows of tools. */
export async function knowsTools(url, model) {
  const answer = await fetch(`${url}/tokenizer_info?model=${encodeURIComponent(model)}`);
  return String((await answer.json()).chat_template ?? "").includes("tools");
}

/** Run checks one after another; each says nothing, or why it was left out. */
export async function runChecks(checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      const note = await check();
      console.log(`ok      ${name}${note === undefined ? "" : ` (${note})`}`);
    } catch (error) {
      failed++;
      console.log(`failed  ${name}`);
      console.error(error);
    }
  }
  console.log(`${Object.keys(checks).length - failed} of ${Object.keys(checks).length}`);
  process.exitCode = failed > 0 ? 1 : 0;
}
