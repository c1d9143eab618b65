/**
 * The program for Node in few files: opening 250 modules, most of them languages of a schema library's messages, took
 * longer than opening a model. What is compiled in place stays as it is, for types, tests and the browser.
 */
import { build } from "rolldown";

await build({
  input: {
    index: "dist/index.js",
    main: "dist/cli/main.js",
    // Child processes and threads are started from these files, by their names.
    "host-engine-node": "dist/runtime/host-engine-node.js",
    "parquet-process-node": "dist/data/parquet-process-node.js",
    "device-probe": "dist/cli/device-probe.js",
  },
  platform: "node",
  // The engine finds its native part beside itself; undici is only loaded behind a proxy.
  external: [/^onnxruntime-/, "undici"],
  output: { dir: "dist/node", format: "esm", cleanDir: true },
});
