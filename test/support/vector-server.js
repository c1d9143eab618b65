/**
 * A server with vector stores, on the database that its environment names, until it is killed. Says its address. With
 * "stuck" the vectors of texts about wolves never come, which it says: so it can be killed amid its work.
 */
import { writeSync } from "node:fs";
import { openLibrary } from "../../dist/host/library-node.js";
import { localEngine } from "../../dist/host/local-node.js";
import { serve } from "../../dist/server/serve-node.js";
import { openVectorStores } from "../../dist/server/vectors/stores-node.js";
import { openState } from "../../dist/state/open-node.js";

const [home, small, name, how] = process.argv.slice(2);
const folders = { small };
const { pathOf } = openLibrary({ folders });
const local = localEngine({ folders, threads: 1 });
const engine = {
  ...local,
  embed(ask, signal) {
    if (how === "stuck" && ask.inputs.some((text) => text.includes("wolves"))) {
      writeSync(1, "stuck\n");
      return new Promise(() => {});
    }
    return local.embed(ask, signal);
  },
};
const state = await openState(process.env);
const vectors = openVectorStores(state, engine, { home, pathOf, model: "small", threads: 1 });
const vectorWork = { name, lease: 1, look: 0.2, files: 1 };
const serving = await serve({ engine, state, vectors, vectorWork, port: 0, problem: (error) => console.error(error) });
writeSync(1, `${serving.url}\n`);
