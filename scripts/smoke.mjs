/**
 * The package as a stranger gets it, on several versions of Node: packed, installed in a new folder without this
 * checkout's settings, asked on the command line, imported by a script, compiled against by a strict project, bundled
 * for a browser. node scripts/smoke.mjs [20 22 24]  (Node itself comes from the registry)
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const versions = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ["20", "22", "24"];
const scratch = mkdtempSync(join(tmpdir(), "zeroth-smoke-"));

// A person's shell: nothing of what npm tells its scripts, and no settings of a user.
const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|ORT_|ONNXRUNTIME_)/i.test(name)),
);
const home = join(scratch, "home");
const env = { ...clean, HOME: home, npm_config_userconfig: join(scratch, "none"), npm_config_audit: "false" };

function run(command, args, cwd, extra = {}) {
  return execFileSync(command, args, { cwd, env: { ...env, ...extra }, encoding: "utf8", stdio: "pipe" });
}

function folder(name, files = {}) {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files }))
    writeFileSync(join(path, file), text);
  return path;
}

const script = `
import { openTextModel } from "zeroth";
const model = await openTextModel("zeroth-nano");
const { text } = await model.generate("Is this a fact or an opinion? Snow is cold.");
console.log(text);
await model[Symbol.asyncDispose]();
`;
const typed = `
import { openTextModel } from "zeroth";
import { openTextModel as openInBrowser } from "zeroth/browser";
export async function ask(): Promise<string> {
  await using model = await openTextModel("zeroth-nano");
  return (await model.generate("Is snow cold?")).text;
}
export { openInBrowser };
`;
const page = `
import { openTextModel } from "zeroth/browser";
const { text } = await openTextModel("/models/zeroth-nano/");
document.body.textContent = (await text.generate("Is snow cold?")).text;
`;
const compilerOptions = {
  ...{ target: "ES2022", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, types: [], noEmit: true },
};
const projects = {
  "nodenext.json": { module: "NodeNext", moduleResolution: "NodeNext" },
  "bundler.json": { module: "ESNext", moduleResolution: "Bundler" },
};

function sizeOf(path) {
  const entry = statSync(path);
  return entry.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : entry.size;
}

try {
  mkdirSync(home);
  run("npm", ["pack", "--silent", "--pack-destination", scratch], root);
  const tarball = join(
    scratch,
    readdirSync(scratch).find((name) => name.endsWith(".tgz")),
  );
  console.log(`packed: ${(statSync(tarball).size / 1e6).toFixed(0)} MB`);
  let failed = false;
  for (const version of versions) {
    const own = folder(`node-${version}`);
    run("npm", ["install", "--silent", `node@${version}`], own);
    const bin = join(own, "node_modules/node/bin");
    const node = join(bin, "node");
    // npm and the program run on the Node under test.
    const path = { PATH: `${bin}:${clean.PATH}` };
    const files = Object.entries(projects).map(([name, options]) => {
      return [name, JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files: ["typed.ts"] })];
    });
    const cwd = folder(`use-${version}`, { "use.mjs": script, "typed.ts": typed, ...Object.fromEntries(files) });
    const started = performance.now();
    const said = run("npm", ["install", "--loglevel=warn", tarball], cwd, path);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const question = "Is this a fact or an opinion? Snow is cold.";
    const checks = {
      "no talk at installation but what was added": () => /^\s*added \d+ packages/.test(said) && !/warn/i.test(said),
      "asked by its name": () => run(join(cwd, "node_modules/.bin/zeroth"), [question], cwd, path) === "fact\n",
      "imported by a script": () => run(node, ["use.mjs"], cwd, path) === "fact\n",
      "compiled against, NodeNext": () => run(process.execPath, [tsc, "-p", "nodenext.json"], cwd) === "",
      "compiled against, Bundler": () => run(process.execPath, [tsc, "-p", "bundler.json"], cwd) === "",
      "nothing written into the home folder": () => !existsSync(join(home, ".cache/Microsoft")),
    };
    console.log(
      `Node ${run(node, ["--version"], cwd).trim()}: installed in ${seconds} s, ${(sizeOf(join(cwd, "node_modules")) / 1e6).toFixed(0)} MB`,
    );
    for (const [what, check] of Object.entries(checks)) {
      let why = "";
      try {
        if (!check()) why = "no";
      } catch (error) {
        why = `${error.stdout ?? ""}${error.stderr ?? error.message}`;
      }
      failed ||= why !== "";
      console.log(`  ${why === "" ? "✓" : "✗"} ${what}${why && `: ${why}`}`);
    }
  }
  const cwd = folder("page", { "index.html": '<script type="module" src="page.mjs"></script>', "page.mjs": page });
  run("npm", ["install", "--silent", tarball], cwd);
  const { build } = await import("vite");
  await build({
    root: cwd,
    logLevel: "error",
    build: { target: "es2022", outDir: join(cwd, "out"), emptyOutDir: true },
  });
  const assets = readdirSync(join(cwd, "out/assets")).filter((name) => name.endsWith(".wasm"));
  const bundled = assets.length === 2;
  failed ||= !bundled;
  console.log(`${bundled ? "✓" : "✗"} bundled for a browser: ${assets.join(", ")}`);
  process.exitCode = failed ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
