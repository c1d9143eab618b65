import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "zeroth-owner-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const built = new URL("../../dist/base/owner-node.js", import.meta.url).href;
const source = fileURLToPath(new URL("../", import.meta.url));

/** A process that reads for a while, then hears, and would stay for a minute; it does what it was sent. */
const child = join(folder, "child.mjs");
writeFileSync(
  child,
  `import { appendFileSync } from "node:fs";
await new Promise((resolve) => setTimeout(resolve, 300));
const { whenOwnerGone } = await import(${JSON.stringify(built)});
const note = (word) => appendFileSync(process.argv[2], word + " ");
process.on("message", note);
whenOwnerGone(() => { note("end"); process.kill(process.pid, "SIGKILL"); });
note("hears");
setTimeout(() => {}, 60_000);
`,
);
const owner = join(folder, "owner.mjs");
writeFileSync(
  owner,
  `import { fork } from "node:child_process";
const [, , child, log, wait] = process.argv;
const made = fork(child, [log], { stdio: "ignore" });
made.send("work");
console.log(made.pid);
setTimeout(() => process.kill(process.pid, "SIGKILL"), Number(wait));
`,
);

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test.each([
  ["while its program was being read, does nothing of what it was sent", 100, "end "],
  ["later, ends then", 1500, "hears work end "],
])("a process whose owner goes %s", async (name, wait, said) => {
  const log = join(folder, name.slice(0, 5));
  writeFileSync(log, "");
  const started = spawn(process.execPath, [owner, child, log, String(wait)], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = await new Promise<number>((resolve) => started.stdout.once("data", (data) => resolve(Number(data))));
  await vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 20_000, interval: 50 });
  expect(readFileSync(log, "utf8")).toBe(said);
});

test("every process of ours hears of it this way, and none by an event alone", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => [file, readFileSync(join(source, file), "utf8")] as const);
  const listens = files.filter(([, text]) => /"disconnect"/.test(text)).map(([file]) => file);
  expect(listens).toEqual([join("base", "owner-node.ts")]);
  const having = (pattern: RegExp) => files.filter(([, text]) => pattern.test(text)).map(([file]) => file);
  const asked = having(/process\.on\("message"/);
  expect(asked.length).toBeGreaterThan(5);
  expect(having(/^\s*whenOwnerGone\(/m)).toEqual(asked);
});
