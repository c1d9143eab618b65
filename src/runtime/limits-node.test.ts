import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ZerothError } from "../errors.ts";
import { measureDisk, measureLimits } from "./limits-node.ts";

/** A clock on which every look takes so many milliseconds: what is measured does not depend on the machine. */
function clock(step: number) {
  let time = 0;
  return () => {
    time += step;
    return time;
  };
}

const folder = mkdtempSync(join(tmpdir(), "zeroth-limits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("operations and bytes over the time that the clock says", async () => {
  const { flops, flopsInt8, bandwidth } = await measureLimits({ now: clock(10), bytes: 1 << 20, repeats: 1 });
  expect(flops).toBeCloseTo((2 * 1024 * 2048 * 2048) / 0.01, 0);
  expect(flopsInt8).toBe(flops);
  expect(bandwidth).toBeCloseTo((1 << 20) / 0.01, 3);
});

test("a slow machine is not measured again and again", async () => {
  let looks = 0;
  const slow = clock(1000);
  const now = () => {
    looks++;
    return slow();
  };
  await measureLimits({ now, bytes: 1 << 20, repeats: 1000 });
  // Four measurements of two runs.
  expect(looks).toBeLessThan(40);
});

test("it stops between runs", async () => {
  const stopped = measureLimits({ signal: AbortSignal.abort(), bytes: 1 << 20 });
  await expect(stopped).rejects.toThrow(ZerothError);
});

test("a disk's rate is told or it is not: never of a file that is small or not there", () => {
  const file = join(folder, "file");
  writeFileSync(file, Buffer.alloc(8 << 20));
  const rate = measureDisk(file, clock(4));
  // Two pieces of 4 MiB between two looks at the clock, where the system lets us past its cache.
  expect([undefined, (8 << 20) / 0.004]).toContain(rate);
  writeFileSync(file, Buffer.alloc(1000));
  expect(measureDisk(file)).toBeUndefined();
  expect(measureDisk(join(folder, "none"))).toBeUndefined();
});
