/** Builds the page into web/dist, the model beside it, for a static server of your choice. */
import { cpSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const model = fileURLToPath(new URL("../models/zeroth-nano", import.meta.url));
// Threads need shared memory, which browsers give only to isolated pages.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  // The engine's loader uses top-level await.
  build: { target: "es2022", modulePreload: { polyfill: false } },
  worker: { format: "es" },
  server: { headers },
  preview: { headers },
  plugins: [
    {
      name: "model-beside-the-page",
      apply: "build",
      writeBundle({ dir }) {
        if (dir && existsSync(model)) cpSync(model, `${dir}/models/zeroth-nano`, { recursive: true });
      },
    },
  ],
});
