/** Builds the page into dist/web, with the embedded model and the templates beside it: a folder for any static server. */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { preact } from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";
import { pageTemplates } from "./build/templates.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const model = here("../models/zeroth-nano");
const modelFiles = readdirSync(model).filter((name) => /\.(json|safetensors)$/.test(name));

// Threads need shared memory, which browsers give only to isolated pages.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** What an engine in the page takes, beside its worker's script; the second one opens models that give vectors. */
const ofEngine = (path: string) => /^models\/|\.wasm$|^assets\/(worker|ort|encoder|pdf)/.test(path);

/** Model, templates, and the list of files that the service worker keeps. */
function beside(): Plugin {
  return {
    name: "files-beside-the-page",
    apply: "build",
    writeBundle({ dir = "" }) {
      for (const name of modelFiles) cpSync(join(model, name), join(dir, "models/zeroth-nano", name));
      const worker = join(dir, "sw.js");
      writeFileSync(join(dir, "templates.json"), JSON.stringify(pageTemplates(here("../templates"))));
      const all = readdirSync(dir, { recursive: true, withFileTypes: true, encoding: "utf8" })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(dir.length + 1)
            .replaceAll("\\", "/"),
        )
        .filter((path) => path !== "sw.js" && path !== "index.html")
        .sort();
      const hash = createHash("sha256")
        .update(readFileSync(worker))
        .update(readFileSync(join(dir, "index.html")));
      for (const path of all) hash.update(path).update(readFileSync(join(dir, path)));
      const built = {
        version: hash.digest("hex").slice(0, 16),
        page: ["./", ...all.filter((path) => !ofEngine(path))],
        engine: all.filter(ofEngine),
      };
      writeFileSync(worker, `const BUILT = ${JSON.stringify(built)};\n${readFileSync(worker, "utf8")}`);
    },
  };
}

/** The page's worker runs WebAssembly alone: the engine for WebGPU would be 27 MB more that nobody loads. */
function withoutWebGpu(): Plugin {
  return {
    name: "without-webgpu",
    enforce: "pre",
    resolveId: (id) => (id === "onnxruntime-web/webgpu" ? "\0no-webgpu" : undefined),
    load: (id) => (id === "\0no-webgpu" ? "export default {};" : undefined),
  };
}

export default defineConfig(({ command }) => ({
  root: here("."),
  base: "./",
  define: { MODEL_FILES: JSON.stringify(modelFiles) },
  build: {
    outDir: here("../dist/web"),
    emptyOutDir: true,
    // The engine's loader uses top-level await.
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    // Everything as a file of its own: the policy of the page allows no data: but for images.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: here("index.html"), ...(command === "build" && { sw: here("service-worker.ts") }) },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  worker: { format: "es", plugins: () => [withoutWebGpu()] },
  server: { headers },
  preview: { headers },
  plugins: [preact(), beside()],
}));
