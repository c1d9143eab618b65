/** What training from files refuses to start from. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { clipConfig, freshFolder, vitConfig } from "../../test/support/models/fresh.ts";
import { parseTrainingConfig } from "./config.ts";
import { openStart } from "./start-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-start-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const configOf = (more: object) =>
  parseTrainingConfig({ out: join(place, "out"), data: { train: "rows.jsonl" }, steps: 1, ...more }, "test");

test.each([
  ["vit", vitConfig, "images and their classes"],
  ["clip", clipConfig, "images and their texts"],
] as const)("a model of images, whether it has a tokenizer or not: %s", async (name, config, words) => {
  const model = await freshFolder(join(place, name), config);
  const refused = { code: "unsupported", hint: expect.stringContaining(words) };
  await expect(openStart(configOf({ model }))).rejects.toMatchObject(refused);
  const fresh = configOf({ architecture: name, tokenizer: join(place, "none.json") });
  await expect(openStart(fresh)).rejects.toMatchObject(refused);
});
