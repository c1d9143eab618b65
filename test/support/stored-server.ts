/** Servers on a database of the tests', with keys in it and OpenAI's client. */
import OpenAI from "openai";
import { afterEach } from "vitest";
import { fixedKeys } from "../../src/server/guards/keys.ts";
import { type ServeOptions, type Serving, serve } from "../../src/server/serve-node.ts";
import { storedKeys } from "../../src/server/stored/keys.ts";
import { createKey, type NewKey } from "../../src/state/keys-node.ts";
import type { State } from "../../src/state/schema/tables.ts";
import { fakeEngine } from "./fake-engine.ts";

const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close(0);
});

/** A server, closed when the test has ended; it was started with a key of its own besides. */
export async function startStored(state: State, options: Partial<ServeOptions> = {}): Promise<Serving> {
  const first = fixedKeys(["the-first-key"]);
  const { keys, log } = storedKeys(state, { first, ...(options.log && { log: options.log }) });
  const serving = await serve({ engine: fakeEngine(), port: 0, state, keys, ...options, log });
  open.push(serving);
  return serving;
}

/** Somebody with a new key. */
export async function clientOf(state: State, { url }: Serving, options: Omit<NewKey, "name"> = {}) {
  const { key, id } = await createKey(state, { name: "somebody", ...options });
  return { key, id, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }) };
}
