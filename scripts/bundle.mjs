/**
 * The program for Node in few files: opening 250 modules, most of them languages of a schema library's messages, took
 * longer than opening a model. What is compiled in place stays as it is, for types, tests and the browser.
 */
import { cpSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { build } from "rolldown";

/** The compiled files that these import when they are loaded, themselves included. */
function loadedWith(...files) {
  const found = new Set();
  const visit = (file) => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, path] of text.matchAll(/^(?:import|export)\b[^;"]*"(\.[^"]+\.js)"/gm))
      visit(resolve(dirname(file), path));
  };
  for (const file of files) visit(resolve(file));
  return found;
}

const program = loadedWith("dist/cli/main.js");
const model = loadedWith("dist/text/open-node.js");

await build({
  input: {
    index: "dist/index.js",
    main: "dist/cli/main.js",
    // Child processes and threads are started from these files, by their names.
    "host-engine-node": "dist/runtime/host-engine-node.js",
    "engine-process-node": "dist/host/engine-process-node.js",
    "tuning-process-node": "dist/server/jobs/tuning-process-node.js",
    "summary-process-node": "dist/server/summaries/summary-process-node.js",
    "digest-process-node": "dist/server/digests/digest-process-node.js",
    "worker-process-node": "dist/jobs/worker-process-node.js",
    "study-process-node": "dist/study/run/study-process-node.js",
    "parquet-process-node": "dist/data/parquet-process-node.js",
    "index-process-node": "dist/server/vectors/index-process-node.js",
    "pdf-process-node": "dist/media/documents/pdf-process-node.js",
    "device-probe": "dist/cli/device-probe.js",
  },
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  // What one command loads late, another may need at once.
  checks: { ineffectiveDynamicImport: false },
  // The engine, SQLite and sharp find their native parts beside themselves; undici is only loaded behind a proxy, pg where
  // there is a PostgreSQL, and usearch for large indices, where a machine has it.
  external: [/^onnxruntime-/, "undici", "libsql", "pg", "usearch", "sharp"],
  output: {
    dir: "dist/node",
    format: "esm",
    cleanDir: true,
    // What every answer takes lies together: left to itself, the bundler makes a file for each set of commands that
    // share something, and opening 60 files took longer than opening a tokenizer.
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        { name: "program", test: (id) => program.has(id) },
        { name: "model", test: (id) => model.has(id) },
      ],
    },
  },
});

// East Asian PDF files name tables of characters, which the reader looks for beside itself.
cpSync("node_modules/pdfjs-dist/cmaps", "dist/node/cmaps", { recursive: true });
