import { expect, test } from "vitest";
import { webThreads } from "./threads-web.ts";

test("one thread, and why, where memory cannot be shared", () => {
  const { threads, limited } = webThreads({ crossOriginIsolated: false, navigator: { hardwareConcurrency: 8 } });
  expect(threads).toBe(1);
  expect(limited).toContain("isolated");
});

test("as many as the machine has, at most eight or what is wanted", () => {
  const scope = (hardwareConcurrency: number) => ({ crossOriginIsolated: true, navigator: { hardwareConcurrency } });
  expect(webThreads(scope(4))).toEqual({ threads: 4 });
  expect(webThreads(scope(32)).threads).toBe(8);
  expect(webThreads(scope(4), 2).threads).toBe(2);
});
