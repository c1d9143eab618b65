import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { aboutModel } from "./about-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-about-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function folderWith(generation: object | undefined): string {
  const folder = join(root, String(folders++));
  for (const file of ["config.json", "model.safetensors"]) {
    cpSync(join(fixtures, "llama/grouped", file), join(folder, file));
  }
  if (generation) writeFileSync(join(folder, "generation_config.json"), JSON.stringify(generation));
  return folder;
}

test.each([
  [
    "what the makers recommend",
    { do_sample: true, temperature: 0.6, top_p: 0.9, top_k: 20, repetition_penalty: 1.1 },
    { sample: true, temperature: 0.6, topP: 0.9, topK: 20, repetitionPenalty: 1.1 },
  ],
  ["a temperature that nothing is drawn with", { temperature: 0.6, max_new_tokens: 40 }, { maxNewTokens: 40 }],
  ["nothing", undefined, {}],
])("defaults: %s", async (_, generation, defaults) => {
  expect((await aboutModel("m", folderWith(generation))).defaults).toEqual(defaults);
});

test("a file that cannot be read has no defaults, and the model is listed all the same", async () => {
  const about = await aboutModel("m", folderWith({ temperature: "warm" }));
  expect(about.can).toContain("generate");
  expect(about.defaults).toBeUndefined();
});
