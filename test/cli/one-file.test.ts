/**
 * Adding a command is one file: the sources with one more, built as the package is, have the command in dispatch, help,
 * completion and the reference.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "zeroth-one-file-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const greet = `
import { defineCommand } from "../define.ts";

export default defineCommand({
  group: "use",
  summary: "Say hello",
  arguments: "<how> [name]",
  words: ["warmly", "coldly"],
  names: async () => ["Ada", "Alan"],
  options: [
    { flags: "--times <n>", help: "how often (1)", as: "integer" },
    { flags: "--mark <sign>", help: "! or ?", values: ["!", "?"] },
  ],
  rows: 'one \`{"hello"}\` a time',
  example: "zeroth greet warmly Ada",
  async run({ args: [how, name = "you"], flags: { times = 1, mark }, output }) {
    // Types follow from the options: a number, and one of two signs.
    const count: number = times;
    const sign: "!" | "?" = mark ?? "!";
    for (let i = 0; i < count; i++) output.row({ hello: \`\${how} \${name}\${sign}\` });
    return 4;
  },
});
`;

const run = (command: string, args: readonly string[]) =>
  spawnSync(command, args, { cwd: copy, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
const zeroth = (...args: string[]) => run(process.execPath, ["bin/zeroth.js", ...args]);

beforeAll(() => {
  for (const name of ["bin", "scripts", "src", "package.json", "tsconfig.json", "tsconfig.build.json"])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const name of ["models", "node_modules"]) symlinkSync(join(root, name), join(copy, name));
  writeFileSync(join(copy, "src/cli/commands/greet.ts"), greet);
  const { status, stdout, stderr } = run("npm", ["run", "--silent", "build"]);
  expect([status, stdout + stderr]).toEqual([0, expect.not.stringContaining("error")]);
}, 240_000);

test("it is run, with its flags read by its options and its exit code", () => {
  const { status, stdout } = zeroth("greet", "warmly", "Ada", "--times", "2", "--mark", "?", "--json");
  expect([status, stdout]).toEqual([4, '{"hello":"warmly Ada?"}\n{"hello":"warmly Ada?"}\n']);
  expect(zeroth("greet", "warmly", "Ada", "Alan").status).toBe(2);
  expect(zeroth("greet", "--mark", "#").stderr).toContain("expected ! or ?");
  expect(zeroth("gret").stderr).toContain("did you mean zeroth greet?");
});

test("it is in the help texts", () => {
  expect(zeroth("--help").stdout).toMatch(/^ {2}greet +Say hello$/m);
  const { stdout } = zeroth("greet", "--help");
  for (const text of ["zeroth greet <how> [name]", "--times <n>", "--json", "Example: zeroth greet warmly Ada"])
    expect(stdout).toContain(text);
});

test("it is in the completion of every shell, with its words and names", () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { stdout } = zeroth("completion", shell);
    for (const text of ["greet", "warmly", "times", "completion names"])
      expect([shell, stdout]).toEqual([shell, expect.stringContaining(text)]);
  }
  expect(zeroth("completion", "names", "greet").stdout).toBe("Ada\nAlan\n");
});

test("it is in the reference", () => {
  const print = `
    const { commands } = await import("${join(copy, "dist/cli/command-list.js")}");
    const { reference } = await import("${join(copy, "dist/cli/reference.js")}");
    process.stdout.write(reference(commands));`;
  const { stdout } = run(process.execPath, ["--input-type=module", "-e", print]);
  expect(stdout).toContain('## zeroth greet <how> [name]\n\nSay hello. Rows with `--json`: one `{"hello"}` a time.');
  // Nothing else of it changed.
  const [before, after] = stdout.split(/## zeroth greet [\s\S]*?\n\n {4}zeroth greet warmly Ada\n\n/);
  expect(`${before}${after}`).toBe(readFileSync(join(root, "docs/command-line.md"), "utf8"));
});

test("a file that is taken away takes its command with it", () => {
  rmSync(join(copy, "src/cli/commands/greet.ts"));
  expect(run(process.execPath, ["scripts/list-commands.mjs"]).status).toBe(0);
  const list = (at: string) => readFileSync(join(at, "src/cli/command-list.ts"), "utf8");
  expect(list(copy)).toBe(list(root));
});
