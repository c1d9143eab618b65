/** Files are cut and stores searched in other processes: what a server is asked meanwhile does not wait for them. */
import type { ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toFile } from "openai";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { vectorServers } from "../../../test/support/vector-stores.ts";
import { openState } from "../../state/open-node.ts";

const started: ChildProcess[] = [];
const builtin: { fork: typeof fork } = createRequire(import.meta.url)("node:child_process");
const { fork: real } = builtin;
builtin.fork = ((...given: Parameters<typeof fork>) => {
  const child = real(...given);
  if (String(given[0]).endsWith("index-process-node.js")) started.push(child);
  return child;
}) as typeof fork;
syncBuiltinESMExports();

/** Send a signal to every process that works on indices; how many there are. */
function tellAll(signal: NodeJS.Signals): number {
  const living = started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of living) child.kill(signal);
  return living.length;
}

const folder = mkdtempSync(join(tmpdir(), "zeroth-apart-"));
const there = vectorServers({ open: () => openState({ ZEROTH_HOME: folder }) });
afterAll(async () => {
  await there.state.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => void tellAll("SIGCONT"));

test.skipIf(process.platform === "win32")("a search that stands still, or ends, holds up nobody", async () => {
  const { client, url } = await there.started();
  const { store } = await there.filled(client);
  const search = async () =>
    (await client.vectorStores.search(store.id, { query: "wolves hunt", max_num_results: 1 })).data;
  const before = await search();
  const order: string[] = [];
  expect(tellAll("SIGSTOP")).toBeGreaterThan(0);
  const found = search().finally(() => order.push("search"));
  for (let i = 0; i < 20; i++) {
    expect((await fetch(`${url}/health`)).status).toBe(200);
    order.push("health");
  }
  tellAll("SIGCONT");
  expect(await found).toEqual(before);
  expect(order).toEqual([...Array.from({ length: 20 }, () => "health"), "search"]);

  // Its end is no end: it is started anew.
  const gone = started.map((child) => child.exitCode === null && child.signalCode === null && once(child, "exit"));
  tellAll("SIGKILL");
  await Promise.all(gone);
  expect(await search()).toEqual(before);
});

test.skipIf(process.platform === "win32")("nor does a large file that is cut", async () => {
  const { client, url } = await there.started();
  const { store } = await there.filled(client, "");
  const text = "Bees make honey and wax. ".repeat(20_000);
  const file = await client.files.create({ file: await toFile(Buffer.from(text), "long.txt"), purpose: "assistants" });
  expect(tellAll("SIGSTOP")).toBeGreaterThan(0);
  await client.vectorStores.files.create(store.id, { file_id: file.id });
  const begun = () =>
    there.state.db.selectFrom("vector_file").select("attempts").where("file", "=", file.id).executeTakeFirstOrThrow();
  await vi.waitFor(async () => expect((await begun()).attempts).toBe(1), { timeout: 10_000 });
  for (let i = 0; i < 20; i++) {
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const now = await client.vectorStores.files.retrieve(file.id, { vector_store_id: store.id });
    expect(now.status).toBe("in_progress");
  }
  tellAll("SIGCONT");
  const done = await client.vectorStores.files.poll(store.id, file.id);
  expect(done.status).toBe("completed");
  expect(done.usage_bytes).toBe(text.length);
});
