/** A server that fine-tunes, on the database that its environment names, until it is killed. Says its address. */
import { writeSync } from "node:fs";
import { openLibrary } from "../../dist/host/library-node.js";
import { localEngine } from "../../dist/host/local-node.js";
import { serve } from "../../dist/server/serve-node.js";
import { openState } from "../../dist/state/open-node.js";

const [home, tiny, name] = process.argv.slice(2);
const folders = { tiny };
const { pathOf } = openLibrary({ folders });
const script = new URL("../../dist/node/tuning-process-node.js", import.meta.url);
const serving = await serve({
  engine: localEngine({ folders }),
  state: await openState(process.env),
  port: 0,
  tuning: { home, pathOf, script, name, threads: 1, lease: 2, look: 0.3 },
  problem: (error) => console.error(error),
});
writeSync(1, `${serving.url}\n`);
