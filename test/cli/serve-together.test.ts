/** Two servers of the built program on one database: what one is told the other knows, and one that dies loses nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import OpenAI, { toFile } from "openai";
import { afterAll, expect, test, vi } from "vitest";
import { getBatch } from "../../src/state/batches/batches.ts";
import { createKey } from "../../src/state/keys-node.ts";
import { openState } from "../../src/state/open-node.ts";
import { environment, program } from "../support/cli.ts";
import { onEachDatabase } from "../support/databases.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-together-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** A server on a port of its own; resolves when it says where. */
async function startServer(database: Readonly<Record<string, string>>): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, "serve", "--port", "0", "--threads", "1", "--no-page", "--json"], {
    cwd: folder,
    env: { ...environment(folder), ...database },
    stdio: ["ignore", "pipe", "ignore"],
  });
  started.push(child);
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout! }).once("line", (line) =>
      resolve((JSON.parse(line) as { url: string }).url),
    );
  });
  return { child, url };
}

const count = 120;
const rows = Array.from({ length: count }, (_, n) =>
  JSON.stringify({
    custom_id: `line-${n}`,
    method: "POST",
    url: "/v1/completions",
    body: {
      model: "zeroth-nano",
      prompt: `Is this a fact or an opinion? Snow is cold in ${n}.`,
      max_tokens: 4,
      temperature: 0,
    },
  }),
).join("\n");

onEachDatabase((databases) => {
  test("a batch, a file and a limit outlive the server that was asked", async () => {
    const database = await databases.environment();
    const state = await openState(database);
    const { key } = await createKey(state, { name: "both" });
    const limited = await createKey(state, { name: "few", requestsPerMinute: 2 });
    const servers = [await startServer(database), await startServer(database)];
    const clientOf = ({ url }: { url: string }, apiKey = key) =>
      new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    const [one, two] = servers.map((server) => clientOf(server)) as [OpenAI, OpenAI];
    // A limit counts on both together.
    await clientOf(servers[0]!, limited.key).models.list();
    await clientOf(servers[1]!, limited.key).models.list();
    await expect(clientOf(servers[1]!, limited.key).models.list()).rejects.toMatchObject({ status: 429 });

    const file = await one.files.create({ file: await toFile(Buffer.from(rows), "rows.jsonl"), purpose: "batch" });
    expect(await (await two.files.content(file.id)).text()).toBe(rows);
    const { id } = await one.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    const { owner } = await state.db.selectFrom("batch").select("owner").executeTakeFirstOrThrow();
    const worker = await vi.waitFor(
      async () => {
        const batch = await getBatch(state, owner, id);
        expect(batch.completed).toBeGreaterThan(8);
        return batch.worker!;
      },
      { timeout: 60_000, interval: 20 },
    );
    const [busy] = servers.filter(({ child }) => worker.startsWith(`process-${child.pid}-`));
    busy!.child.kill("SIGKILL");
    const { completed } = await getBatch(state, owner, id);
    expect(completed).toBeLessThan(count);
    // Half a minute later, as far as the database knows: the lease of the one that is gone has ended.
    await state.db.updateTable("batch").set({ lease_until: 0 }).where("id", "=", id).execute();
    const [left] = servers.filter((server) => server !== busy);
    const client = clientOf(left!);
    const done = await vi.waitFor(
      async () => {
        const batch = await client.batches.retrieve(id);
        expect(batch.status).toBe("completed");
        return batch;
      },
      { timeout: 60_000, interval: 200 },
    );
    expect(done.request_counts).toEqual({ total: count, completed: count, failed: 0 });
    const output = (await (await client.files.content(done.output_file_id!)).text()).trimEnd().split("\n");
    const ids = output.map((row) => (JSON.parse(row) as { custom_id: string }).custom_id);
    expect(ids).toEqual(Array.from({ length: count }, (_, n) => `line-${n}`));
    // Asked to end, it ends in order.
    left!.child.kill("SIGTERM");
    const code = await new Promise((resolve) => left!.child.once("exit", resolve));
    expect([0, 130, 143]).toContain(code);
    await state.close();
  });
});
