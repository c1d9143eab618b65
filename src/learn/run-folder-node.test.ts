import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openRunFolder } from "./run-folder-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-run-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `${count++}`, "run");
const ownerOf = (out: string) => join(out, ".training.lock.owner");
const times = { poll: 5, beat: 10, dead: 150 };

test("one training at a time, and nothing is left of the lock", async () => {
  const out = fresh();
  {
    await using _first = await openRunFolder(out);
    await expect(openRunFolder(out)).rejects.toMatchObject({
      code: "bad_input",
      where: out,
      message: expect.stringContaining(`a training is running in this folder already: process ${process.pid}`),
    });
  }
  expect(readdirSync(out)).toEqual([]);
  await using _second = await openRunFolder(out);
  expect(existsSync(ownerOf(out))).toBe(true);
});

test("another process is named while it lives, and followed when it is gone", async () => {
  const out = fresh();
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
  await once(child, "spawn");
  let machine = "";
  {
    await using _mine = await openRunFolder(out);
    machine = JSON.parse(readFileSync(ownerOf(out), "utf8")).machine;
  }
  writeFileSync(ownerOf(out), JSON.stringify({ id: "theirs", pid: child.pid, machine, began: "" }));
  await expect(openRunFolder(out)).rejects.toThrow(`process ${child.pid}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  await using _mine = await openRunFolder(out);
  expect(JSON.parse(readFileSync(ownerOf(out), "utf8")).pid).toBe(process.pid);
});

test("another machine is named while its heartbeat goes on, and followed when it stops", async () => {
  for (const content of [JSON.stringify({ id: "x", pid: 7, machine: "elsewhere pid:[1]", began: "" }), "torn"]) {
    const out = fresh();
    mkdirSync(out, { recursive: true });
    writeFileSync(ownerOf(out), content);
    const beat = setInterval(() => utimesSync(ownerOf(out), new Date(), new Date()), 10);
    const named = content === "torn" ? /already: another process/ : /already: process 7 on elsewhere$/;
    await expect(openRunFolder(out, { times })).rejects.toThrow(named);
    clearInterval(beat);
    const began = performance.now();
    await using _mine = await openRunFolder(out, { times });
    expect(performance.now() - began).toBeGreaterThan(times.dead);
    expect(readFileSync(ownerOf(out), "utf8")).toContain(hostname());
  }
});

test("a folder that cannot be made is a typed error, and waiting can be stopped", async () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  await expect(openRunFolder(join(file, "run"))).rejects.toMatchObject({ code: "bad_input", name: "ZerothError" });
  const out = fresh();
  mkdirSync(out, { recursive: true });
  writeFileSync(ownerOf(out), JSON.stringify({ id: "x", pid: 7, machine: "elsewhere", began: "" }));
  await expect(openRunFolder(out, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: "interrupted" });
});
