/** Servers that share a database and are killed while they put files into vector stores. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyIndex } from "../../src/retrieve/keep-node.ts";
import { onEachDatabase } from "../support/databases.ts";
import { smallRetriever } from "../support/models/small-retriever.ts";

const script = fileURLToPath(new URL("../support/vector-server.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-vector-kill-"));
const started: ChildProcess[] = [];
let small: string;
beforeAll(async () => {
  small = await smallRetriever(join(folder, "small"), { words: "bees make honey wolves hunt at night".split(" ") });
});
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function begin(environment: Readonly<Record<string, string>>, home: string, name: string, how = "") {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [script, home, small, name, how], {
    env: { ...rest, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const lines: Interface = createInterface({ input: child.stdout! });
  const [url] = (await once(lines, "line")) as [string];
  return { child, lines, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 4 }) };
}

onEachDatabase((databases) => {
  test("a file that was being put into a store when its server was killed is put into it by another", async () => {
    const [environment, home] = [await databases.environment(), join(folder, databases.kind)];
    const first = await begin(environment, home, "first", "stuck");
    const store = await first.client.vectorStores.create({});
    const sent = ["bees make honey.", "wolves hunt at night."].map((text, i) => toFile(Buffer.from(text), `${i}.txt`));
    const stuck = once(first.lines, "line");
    const batch = await first.client.vectorStores.fileBatches.create(store.id, {
      file_ids: await Promise.all(
        sent.map(async (file) => (await first.client.files.create({ file: await file, purpose: "assistants" })).id),
      ),
    });
    expect(await stuck).toEqual(["stuck"]);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");

    const { client, child } = await begin(environment, home, "second");
    const ended = await client.vectorStores.fileBatches.poll(store.id, batch.id);
    expect(ended).toMatchObject({ status: "completed", file_counts: { completed: 2, failed: 0 } });
    const found = await client.vectorStores.search(store.id, { query: "wolves hunt", max_num_results: 1 });
    expect(found.data[0]).toMatchObject({ filename: "1.txt" });
    expect(verifyIndex(join(home, "vector-stores", `${store.id}.index`)).problems).toEqual([]);
    // Before its database goes.
    child.kill("SIGKILL");
    await once(child, "exit");
  });
});
