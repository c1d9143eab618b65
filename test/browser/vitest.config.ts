/** Tests that drive a real browser; apart from the others because they need Chromium. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: ["test/browser/**/*.test.ts"],
    pool: "forks",
    // One waits for its page while another is at work.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    globalSetup: ["test/setup/home.ts", "test/setup/build.ts"],
  },
});
