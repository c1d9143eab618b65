import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Snippets of the documentation import the package by its name.
  resolve: { alias: { zeroth: fileURLToPath(new URL("./src/index.ts", import.meta.url)) } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts", "web/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/browser/**"],
    // One process per file: the native engine keeps its own threads. Two cores are all a small machine has, and a
    // quarter of the time a test waits for a lease, a process or a clock: a third one has something to do then.
    pool: "forks",
    maxWorkers: 3,
    // What a test does not serve itself is not asked for.
    env: { HF_HUB_OFFLINE: "1" },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globalSetup: ["test/setup/home.ts", "test/setup/build.ts"],
  },
});
