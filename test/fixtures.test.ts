/** Fixtures: folders that the Python reference saved open here, and tell nothing of the machine that it ran on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openModelFolder } from "../src/folders/open-node.ts";
import { readStored } from "../src/weights/safetensors-node.ts";
import { fixtures, readWeights } from "./support/fixtures.ts";

const folders = readdirSync(join(fixtures, "t5")).filter((name) =>
  readdirSync(join(fixtures, "t5", name)).includes("config.json"),
);

test.each(folders)("t5/%s", (name) => {
  const folder = openModelFolder(join(fixtures, "t5", name));
  const expected = readWeights(join("t5", name));
  expect(expected.size).toBeGreaterThan(0);
  expect([...folder.weights.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [tensor, stored] of expected) {
    expect(folder.weights.get(tensor)).toEqual(stored);
    if (!("file" in stored)) continue;
    const { data } = readStored(folder.weights.get(tensor)!);
    const bytes = readFileSync(stored.file).subarray(stored.offset, stored.offset + stored.length);
    expect(Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).equals(bytes)).toBe(true);
  }
});

const configurations = readdirSync(fixtures, { recursive: true, encoding: "utf8" }).filter((name) =>
  /\bconfig[\w.-]*\.json$/.test(name),
);

test("no configuration names the folder that a model was read from", () => {
  const named = configurations.filter((name) =>
    /"_name_or_path": *"[^"]/.test(readFileSync(join(fixtures, name), "utf8")),
  );
  expect([configurations.length > 50, named]).toEqual([true, []]);
});
