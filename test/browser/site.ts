/** The page of the checks, built and served, and the browser that opens it. */
import type { Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { serve } from "./serve.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Site extends AsyncDisposable {
  readonly browser: Browser;
  /** Of the server whose pages are isolated, and so may have threads. */
  readonly isolated: string;
  readonly plain: string;
  /** The page of the checks, opened once: the engine's 14 MB are compiled for every page. */
  checks(): Promise<Page>;
}

export interface SiteOptions {
  /** Where the built page goes. */
  readonly scratch: string;
  /** Address prefixes and the folders behind them. */
  readonly roots: readonly (readonly [prefix: string, folder: string])[];
}

export const ready = (page: Page) => page.waitForFunction(() => !!window.checks);

export async function openSite({ scratch, roots }: SiteOptions): Promise<Site> {
  const checks = join(scratch, "check");
  await build({
    logLevel: "warn",
    configFile: join(root, "test/browser/check/vite.config.ts"),
    build: { emptyOutDir: true, outDir: checks },
  });
  const served = [...roots, ["/check", checks]] as const;
  const [isolated, plain] = await Promise.all([serve({ roots: served }), serve({ roots: served, isolated: false })]);
  const servers: Server[] = [isolated.server, plain.server];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // WebGPU computed in software: slow, and the same everywhere.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  });
  let shared: Promise<Page> | undefined;
  return {
    browser,
    isolated: isolated.address,
    plain: plain.address,
    checks() {
      shared ??= browser.newPage().then(async (page) => {
        await page.goto(`${isolated.address}/check/`);
        await ready(page);
        return page;
      });
      return shared;
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      for (const server of servers) server.close();
    },
  };
}
