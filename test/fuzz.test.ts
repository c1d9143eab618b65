/** A part of what `npm run fuzz` does, on the compiled package, as there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { fuzz, readers } from "../fuzz/cases.js";
import * as library from "../fuzz/library.js";

const folder = mkdtempSync(join(tmpdir(), "zeroth-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(readers(library, folder))("$name: a value or a typed error for 400 malformed files", async (reader) => {
  const [row] = await fuzz([reader], {
    cases: 400,
    seed: 11,
    // Other work on the machine must not fail a test; one that never comes back runs into the test's own end.
    slowMs: Number.POSITIVE_INFINITY,
    expected: (error) => error instanceof library.ZerothError,
  });
  expect(row!.failures).toEqual([]);
  // Mutations that never pass, or always do, would test nothing.
  expect(row!.accepted).toBeGreaterThan(0);
  expect(row!.refused).toBeGreaterThan(0);
});

test("a Parquet file that is not done in time ends its reader, not the program; the next one is read", async () => {
  const path = fileURLToPath(new URL("./fixtures/rows/prompts.parquet", import.meta.url));
  const impatient = library.readInput(path, { parquet: { milliseconds: 0, megabytes: 64 } });
  await expect(impatient).rejects.toMatchObject({ code: "corrupt_file", message: /prompts\.parquet: .*not done/ });
  for (let i = 0; i < 2; i++) expect(await library.readInput(path)).toHaveLength(4);
  // A larger process where the last one's memory is too little.
  expect(await library.readInput(path, { parquet: { milliseconds: 30_000, megabytes: 600 } })).toHaveLength(4);
});
