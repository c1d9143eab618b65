/**
 * A strict project of somebody else's compiles against the packed types as they are: without types of Node, without
 * settings for browsers, with libraries checked.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-consumer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** What an installed package shows to the compiler: its own types, and the packages that it depends on, no others. */
beforeAll(() => {
  const modules = join(folder, "node_modules");
  cpSync(join(root, "dist"), join(modules, "zeroth/dist"), {
    recursive: true,
    filter: (from) => !/dist[\\/](node|web-engine)$/.test(from) && !/\.js$/.test(from),
  });
  cpSync(join(root, "package.json"), join(modules, "zeroth/package.json"));
  for (const name of [...Object.keys(manifest.dependencies), "@types/node", "undici-types"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
});

const inNode = `
import { compile, float32, graph, input, openModel, openTextModel, ops, type Program, ZerothError } from "zeroth";
const g = graph({ y: ops.tanh(input("x", "float32", ["n"])) });
export async function ask(signal: AbortSignal): Promise<readonly string[]> {
  await using model = await openTextModel("zeroth-nano");
  await using program: Program<"y"> = await compile(g, { threads: 1 });
  const { y } = await program.run({ x: float32([1], [1]) });
  const opened = await openModel("zeroth-nano");
  const { text } = await model.generate("Is snow cold?", { maxNewTokens: 4, signal });
  const { best, scores } = await model.score("Is snow cold?", ["yes", "no"]);
  return [text, String(best), String(scores[0]), String(y.data[0]), opened.kind];
}
export const known = (error: unknown) => (error instanceof ZerothError ? error.code : undefined);
`;
const inBrowser = `
import { openTextModel } from "zeroth/browser";
export async function ask(url: string): Promise<string> {
  const model = await openTextModel(url, { device: "wasm" });
  const { text } = await model.text.generate("Is snow cold?");
  await model[Symbol.asyncDispose]();
  return text;
}
`;
const strict = {
  target: "ES2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  types: [],
};
const nodeNext = { module: "NodeNext", moduleResolution: "NodeNext" };
const bundler = { module: "ESNext", moduleResolution: "Bundler" };

function compiled(name: string, code: string, options: object) {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "use.ts"), code);
  const compilerOptions = { ...strict, ...options };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["use.ts"] }));
  return spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], {
    encoding: "utf8",
  }).stdout;
}

test.each([
  ["node-nodenext", inNode, nodeNext],
  ["node-bundler", inNode, bundler],
  ["node-without-a-page's-types", inNode, { ...nodeNext, lib: ["ES2022"], types: ["node"] }],
  ["browser-nodenext", inBrowser, nodeNext],
  ["browser-bundler", inBrowser, bundler],
] as const)("%s", (name, code, options) => {
  expect(compiled(name, code, options)).toBe("");
});

test("a wrong call is seen: the types are there", () => {
  const wrong = inNode.replace("maxNewTokens: 4", 'maxNewTokens: "four"');
  expect(compiled("wrong", wrong, nodeNext)).toContain("Type 'string' is not assignable to type 'number'");
});

test("what the package exports is among its files", () => {
  const { exports, files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, unknown>>;
    readonly files: readonly string[];
  };
  const paths = [...JSON.stringify(exports).matchAll(/"\.\/([\w./-]+)"(?=[,}])/g)].map(([, path]) => path!);
  expect(paths).toContain("dist/browser.d.ts");
  for (const path of paths) {
    expect([...files, "package.json"], path).toContain(path.split("/")[0]);
    expect(() => readFileSync(join(root, path)), path).not.toThrow();
  }
});
