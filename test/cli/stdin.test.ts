/** Standard input as the prompt: alone, behind an argument, and as "-". */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment, program, runIn } from "../support/cli.ts";
import { makePipe } from "../support/pipe.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-stdin-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
/** The program by the shell: `$Z` stands for it. */
const shell = (line: string) =>
  spawnSync("sh", ["-c", line.replaceAll("$Z", `"${process.execPath}" "${program}"`)], {
    cwd: folder,
    env: environment(folder),
    encoding: "utf8",
  });
const [task, text] = ["Is this a fact or an opinion?", "The bridge was opened in 1932."];
let answer = "";

beforeAll(() => {
  makePipe(join(folder, "pipe"));
  writeFileSync(join(folder, "text.txt"), `${text}\n`);
  answer = zeroth(["generate", `${task}\n\n${text}`]).stdout;
  expect(answer.trim()).not.toBe("");
});

test.each([
  ["alone", `printf '${task}\\n\\n${text}\\n' | $Z`],
  ["as -", `printf '${task}\\n\\n${text}\\n' | $Z generate -`],
  ["from a file behind an argument", `$Z "${task}" < text.txt`],
  ["from a pipe behind an argument", `cat text.txt | $Z generate "${task}"`],
  ["as - behind an argument", `cat text.txt | $Z generate "${task}" -`],
  ["in a chat", `$Z chat "${task}" < text.txt`],
])("%s", (_, line) => {
  expect(shell(line)).toMatchObject({ status: 0, stdout: answer });
});

test("score, tokenize", () => {
  const scored = shell(`$Z score "${task}" --choices fact,opinion --json < text.txt`);
  expect(scored.stdout).toBe(zeroth(["score", `${task}\n\n${text}`, "--choices", "fact,opinion", "--json"]).stdout);
  expect(shell("$Z tokenize --json < text.txt").stdout).toBe(zeroth(["tokenize", text, "--json"]).stdout);
});

test("nothing there: the help with 2; an argument is answered without waiting for whoever does not write", async () => {
  expect(shell("$Z < /dev/null")).toMatchObject({
    status: 2,
    stdout: expect.stringContaining("zeroth COMMAND --help") as string,
  });
  expect(shell("$Z generate - < /dev/null")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("empty") as string,
  });
  expect(shell("printf '\\377\\376a' | $Z generate -")).toMatchObject({ status: 1, stdout: "" });
  // A program's pipe that is never written to nor closed.
  const child = spawn(process.execPath, [program, task], { cwd: folder, env: environment(folder), stdio: "pipe" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  expect(code).toBe(0);
});

test("a pipe that stays open and empty is waited for, but not for ever", () => {
  const ran = shell(`$Z "${task} ${text}" 0<> pipe`);
  expect(ran).toMatchObject({ status: 0, stderr: expect.stringContaining("going on without it") as string });
});

test("whoever waits for standard input is told so; Ctrl-C ends it with 130", async () => {
  const child = spawn(process.execPath, [program, "generate", "-"], { cwd: folder, env: environment(folder) });
  const code = new Promise((resolve) => child.once("exit", resolve));
  const said = await new Promise((resolve) => child.stderr.setEncoding("utf8").once("data", resolve));
  expect(said).toContain("reading standard input");
  child.kill("SIGINT");
  expect(await code).toBe(130);
});
