/** The floors of docs/architecture.md hold, and what breaks them is reported. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("../scripts/check-imports.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-imports-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(name: string, files: Readonly<Record<string, string>>) {
  const root = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: "utf8" });
  return { status, lines: stderr.split("\n").filter(Boolean) };
}

test("the sources keep to their floors", () => {
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

test.each([
  ["type-only", 'import type { Loop } from "../train/loop.ts";'],
  ["over lines", 'import {\n  one,\n  type Two,\n} from "../train/loop.ts";'],
  ["handed on", 'export type { Loop } from "../train/loop.ts";'],
  ["all handed on", 'export * from "../train/loop.ts";'],
  ["for its effect", 'import "../train/loop.ts";'],
  ["later", 'export const f = async () => import("../train/loop.ts");'],
  ["a type in passing", 'export type Loop = import("../train/loop.ts").Loop;'],
])("an import that goes sideways is reported: %s", (name, text) => {
  const { status, lines } = check(name, { "models/m.ts": `/** A model. */\n${text}\n`, "train/loop.ts": "" });
  expect(status).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^models\/m\.ts imports train\/loop\.ts: models may import errors, graph, /);
});

test("circles are reported, type-only ones too; a folder without a row is; imports down are not", () => {
  const circle = check("circle", {
    "graph/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;\n',
    "graph/b.ts": 'import { type A } from "./a.ts";\nexport type B = A;\n',
  });
  expect(circle).toEqual({ status: 1, lines: ["a circle: graph/a.ts → graph/b.ts → graph/a.ts"] });
  expect(check("unknown", { "attic/a.ts": "" }).lines).toEqual([
    'attic/a.ts: "attic" has no row in the table of floors',
  ]);
  const down = {
    "train/a.ts": 'import { b } from "../text/b.ts";\n',
    "text/b.ts": "",
    "index.ts": 'export * from "./train/a.ts";',
  };
  expect(check("down", down)).toEqual({ status: 0, lines: [] });
});

const root = fileURLToPath(new URL("..", import.meta.url));
const scripts = ["bench", "fuzz", "parity", "scripts"].flatMap((from) =>
  readdirSync(join(root, from), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.m?js$/.test(name) && !/(^|[\\/])[.]/.test(name))
    .map((name) => join(root, from, name)),
);

test("what scripts import of the compiled package has a source: nothing else compiles them", () => {
  const found: string[] = [];
  const missing: string[] = [];
  for (const script of scripts) {
    for (const [, path] of readFileSync(script, "utf8").matchAll(
      /["'`](\.{1,2}\/[^"'`$]*\bdist\/[^"'`$]+\.js)["'`]/g,
    )) {
      const source = resolve(dirname(script), path!).replace(join(root, "dist"), join(root, "src"));
      if (source.includes(join(root, "src", "node"))) continue;
      found.push(path!);
      if (!existsSync(source.replace(/js$/, "ts"))) missing.push(`${script}: ${path}`);
    }
  }
  expect([found.length > 50, missing]).toEqual([true, []]);
});
