import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";

const once = process.argv.includes("run");
const root = fileURLToPath(new URL(".", import.meta.url));

/**
 * Tests import the sources by their names. A whole run gives them what was compiled of these, which Node loads by itself:
 * transforming and fetching hundreds of modules for every file of tests took longer than the tests. Who watches, gets the
 * sources.
 */
const compiled: Plugin = {
  name: "compiled",
  enforce: "pre",
  resolveId(source, importer) {
    if (importer === undefined || !source.startsWith(".") || !source.endsWith(".ts") || source.endsWith(".test.ts"))
      return;
    const path = resolve(dirname(importer.split("?")[0]!), source);
    // A page's own engine is put into what is compiled for it, which Node cannot open.
    if (!path.startsWith(`${root}src/`) || path.endsWith("-web.ts")) return;
    const built = `${root}dist/${path.slice(root.length + 4).replace(/\.ts$/, ".js")}`;
    return { id: built, external: true };
  },
};

const include = ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts", "web/**/*.test.ts"];
const exclude = ["**/node_modules/**", "test/browser/**"];
/** What starts servers and processes, or changes what all of a process share. */
const alone = ["test/**", "web/**", "src/{base,cli,host,jobs,runtime,server,state,study}/**"];

export default defineConfig({
  plugins: once ? [compiled] : [],
  // Snippets of the documentation import the package by its name.
  resolve: { alias: { zeroth: fileURLToPath(new URL(once ? "./dist/index.js" : "./src/index.ts", import.meta.url)) } },
  test: {
    // Two cores are all a small machine has, and a quarter of the time a test waits for a lease, a process or a clock: a
    // third one has something to do then. Processes, as the native engine keeps threads of its own.
    pool: "forks",
    maxWorkers: 3,
    // What a test does not serve itself is not asked for.
    env: { HF_HUB_OFFLINE: "1" },
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globalSetup: ["test/setup/home.ts", "test/setup/build.ts"],
    projects: [
      // One process a file.
      { extends: true, test: { name: "alone", include: alone.map((path) => `${path}/*.test.ts`), exclude } },
      // One process after another file: what they import is there already.
      { extends: true, test: { name: "together", include, exclude: [...exclude, ...alone], isolate: false } },
    ],
  },
});
