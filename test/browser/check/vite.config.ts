/** Builds the page of the checks: the library as a page of anybody's would bundle it. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  // The engine's loader uses top-level await.
  build: { target: "es2022", modulePreload: { polyfill: false } },
  worker: { format: "es" },
});
