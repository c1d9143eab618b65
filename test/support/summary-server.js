/** A server that summarises, on the database that its environment names, until it is killed. Says its address. */
import { writeSync } from "node:fs";
import { serve } from "../../dist/server/serve-node.js";
import { openSummaries } from "../../dist/server/summaries/summaries-node.js";
import { openState } from "../../dist/state/open-node.js";

const [home, nano, name, pause] = process.argv.slice(2);
const about = {
  ...{ id: "slow", kind: "decoder", family: "llama", bytes: 1, parameters: 1, vocabulary: 10, longest: 4096 },
  ...{ chat: true, tools: false, can: ["generate"], created: 0 },
};
let calls = 0;
/** Answers are the first words of a text; each call is said. */
const engine = {
  list: async () => [about],
  about: async () => about,
  adapters: async () => [],
  tokenize: async () => ({ ids: [1, 2, 3], text: "" }),
  status: async () => ({ models: [], restarts: 0, pid: 0, memory: 0, device: "cpu", threads: 1 }),
  async *generate({ prompt }, signal) {
    await new Promise((resolve) => setTimeout(resolve, Number(pause)));
    signal?.throwIfAborted();
    const text = /<text>\n([\s\S]*?)\n<\/text>/.exec(prompt.messages[0].content)[1];
    const said = `${text.replace(/\s+/g, " ").split(" ").slice(0, 7).join(" ").replace(/\.$/, "")}.`;
    yield { kind: "prompt", tokens: 9, cached: 0 };
    yield { kind: "piece", answer: 0, text: said, tokens: [{ id: 1, text: said, bytes: [] }] };
    yield { kind: "end", answer: 0, finish: "stop" };
    writeSync(1, `call ${++calls}\n`);
  },
  [Symbol.asyncDispose]: async () => {},
};
const state = await openState(process.env);
const script = new URL("../../dist/node/summary-process-node.js", import.meta.url);
const summaries = openSummaries(state, engine, { home, pathOf: () => nano, script, name, lease: 8, look: 0.2 });
const serving = await serve({ engine, state, summaries, port: 0, problem: (error) => console.error(error) });
writeSync(1, `${serving.url}\n`);
