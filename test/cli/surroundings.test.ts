/** What is around the program: full disks, folders that are gone or take nothing, devices and cores that are not there. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { environment, program, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-surroundings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const question = "Is this a fact or an opinion? Snow is cold.";

/** A line of a shell, in which `zeroth` is the program. */
function shell(line: string, env: Record<string, string> = {}) {
  const script = `zeroth() { "${process.execPath}" "${program}" "$@"; }\n${line}`;
  // What never ends is ended, and then has no exit code.
  return spawnSync("bash", ["-c", script], {
    ...{ cwd: folder, env: { ...environment(folder), ...env }, encoding: "utf8", timeout: 60_000 },
    killSignal: "SIGKILL",
  });
}

describe.runIf(existsSync("/dev/full"))("output that cannot be written", () => {
  test.each(["doctor", "tokenize hello", `generate "${question}"`, "--help"])("zeroth %s: one line", (line) => {
    const { status, stderr } = shell(`zeroth ${line} > /dev/full`);
    expect(status).toBe(1);
    expect(stderr).toBe("error: standard output: cannot be written (ENOSPC)\n");
  });

  test("with --json the line is an error's", () => {
    const { status, stderr } = shell("zeroth doctor --json > /dev/full");
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "bad_input" } });
  });

  test("talk that nobody can read changes nothing", () => {
    const { status, stdout } = shell(`zeroth generate "${question}" --temperature 2 2> /dev/full`);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\S.*\n$/);
    expect(shell("zeroth nosuchcommand 2> /dev/full").status).toBe(2);
  });
});

describe("places where nothing can be written", () => {
  test.each(["quantize --dtype int8 --out copy", "export --format safetensors --out copy", "scan ."])(
    "zeroth %s, in a folder that was deleted: not found, and an end",
    (line) => {
      const { status, stderr } = shell(`mkdir gone && cd gone && rmdir ../gone && zeroth ${line}`);
      expect(status).toBe(3);
      expect(stderr).toContain("the folder you are in does not exist any more");
    },
  );

  const rows = `${JSON.stringify({ prompt: "a b", target: "c" })}\n`;
  writeFileSync(join(folder, "pairs.jsonl"), rows);
  const config = { model: "zeroth-nano", data: { train: "pairs.jsonl" }, batch: 1, steps: 1, out: "/proc/none/run" };
  writeFileSync(join(folder, "train.json"), JSON.stringify(config));
  const news = Array.from({ length: 2 }, (_, i) => JSON.stringify({ text: `news ${i}`, label: i }));
  writeFileSync(join(folder, "news.jsonl"), `${news.join("\n")}\n`);
  const evaluate = "eval --task ag_news --data news.jsonl --limit 1";

  test
    .runIf(existsSync("/proc/self"))
    .each([
      "quantize --dtype int8 --out /proc/none/copy",
      "export --format safetensors --out /proc/none/copy",
      "train --config train.json",
      `${evaluate} --out /proc/none/results`,
    ])("zeroth %s: an error that names the place, and an end", (line) => {
    const { status, stderr } = shell(`zeroth ${line}`);
    expect([line, status]).toEqual([line, 1]);
    expect(stderr).toMatch(/\/proc\/none.*: cannot be written \(ENOENT\)/);
  });

  test("no place for the cache is no failure: it is said, and the work is done", () => {
    const home = join(folder, "pairs.jsonl", "home");
    const { status, stdout, stderr } = shell(`zeroth ${evaluate} --json`, { ZEROTH_HOME: home });
    expect([status, stderr]).toEqual([0, expect.stringContaining("results are not kept")]);
    expect(stdout).toContain('"template":null');
    const copy = shell(`zeroth generate "${question}" --dtype int4`, { ZEROTH_HOME: home });
    // What has to be written somewhere cannot be done; that is no bug of the program.
    expect(copy.status).toBe(1);
    expect(copy.stderr).toMatch(/pairs\.jsonl.*\n {2}→ .*permissions/);
  });
});

test.each(["webgpu", "cuda"])("--device %s: works, or there is none here, and nothing else is said", (device) => {
  const { status, stdout, stderr } = zeroth(["generate", question, "--device", device, "--json"]);
  if (status === 0) expect(stdout).toContain('"text"');
  else {
    expect(status).toBe(1);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "unsupported", message: `there is no ${device} device here`, hint: "use --device cpu" },
    });
  }
});

test("more threads than cores: said, and answered", () => {
  const { status, stdout, stderr } = zeroth(["generate", question, "--threads", "999", "--json"]);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^--threads 999: this machine has \d+ cores, so \d+ are used\n$/);
  expect(stdout).toContain('"text"');
});
