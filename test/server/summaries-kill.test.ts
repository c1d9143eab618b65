/** Servers that share a database and are killed while they summarise a book. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { onEachDatabase } from "../support/databases.ts";
import { bookOfSentences } from "../support/summaries.ts";

const script = fileURLToPath(new URL("../support/summary-server.js", import.meta.url));
const nano = fileURLToPath(new URL("../../models/zeroth-nano", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-summary-kill-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function begin(environment: Readonly<Record<string, string>>, home: string, name: string, pause: number) {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [script, home, nano, name, String(pause)], {
    env: { ...rest, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const lines = createInterface({ input: child.stdout! });
  const [url] = (await once(lines, "line")) as [string];
  let calls = 0;
  lines.on("line", () => calls++);
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/v1/summaries${path}`, {
      ...{ method, headers: { "content-type": "application/json" } },
      ...(body && { body: JSON.stringify(body) }),
    });
    return response.json();
  };
  return { child, call, calls: () => calls };
}

onEachDatabase((databases) => {
  test("a book that was being summarised when its server was killed goes on with exactly the calls that are missing", async () => {
    const [environment, home] = [await databases.environment(), join(folder, databases.kind)];
    const first = await begin(environment, home, "first", 400);
    const order = { model: "slow", text: bookOfSentences, leaf_tokens: 300, limits: [40, 60, 80] };
    const { id } = await first.call("POST", "", order);
    const seen = await vi.waitFor(
      async () => {
        const { progress } = await first.call("GET", `/${id}`);
        expect(progress.done).toBeGreaterThan(2);
        return progress.done as number;
      },
      { timeout: 120_000, interval: 10 },
    );
    first.child.kill("SIGKILL");
    await once(first.child, "exit");

    const second = await begin(environment, home, "second", 1);
    const done = await vi.waitFor(
      async () => {
        const job = await second.call("GET", `/${id}`);
        expect(job.status).toBe("completed");
        return job;
      },
      { timeout: 120_000, interval: 100 },
    );
    const { nodes } = await second.call("GET", `/${id}/tree`);
    expect(nodes.every(({ state }: { state: string }) => state === "done")).toBe(true);
    // What the first has kept was not asked for again; what it was asking for when it died was.
    const kept = done.progress.total - second.calls();
    expect(kept).toBeGreaterThanOrEqual(seen);
    expect(kept).toBeLessThanOrEqual(first.calls());
    // An undisturbed run says the same.
    const { id: whole } = await second.call("POST", "", order);
    await vi.waitFor(async () => expect((await second.call("GET", `/${whole}`)).status).toBe("completed"), {
      timeout: 120_000,
      interval: 100,
    });
    expect((await second.call("GET", `/${whole}/tree`)).nodes).toEqual(nodes);
    second.child.kill("SIGKILL");
    await once(second.child, "exit");
  });
});
