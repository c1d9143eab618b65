/** Checkpoints: what a damaged one says, and what a disk that refuses leaves behind. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { float32 } from "../graph/array.ts";
import { writeSafetensors } from "../weights/safetensors-node.ts";
import { latestCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-checkpoint-"));
afterAll(() => rmSync(place, { recursive: true }));
const state = (step: number) => ({ step, tokens: 10 * step, position: step, fingerprint: "f" });
const arrays = (value: number) => new Map([["a", float32([2], [value, value])]]);
const save = (out: string, step: number) =>
  saveCheckpoint(out, state(step), arrays(step), (folder) =>
    writeSafetensors(join(folder, "model.safetensors"), arrays(-step)),
  );

test("the latest is read back; one of another configuration is refused", async () => {
  const out = join(place, "whole");
  expect(await latestCheckpoint(out, "f")).toBeUndefined();
  await save(out, 5);
  await save(out, 10);
  expect(await latestCheckpoint(out, "f")).toMatchObject({ ...state(10), values: arrays(-10), optimizer: arrays(10) });
  await expect(latestCheckpoint(out, "g")).rejects.toMatchObject({ code: "bad_input" });
});

test.each<[string, (folder: string) => void, string]>([
  ["no JSON", (folder) => writeFileSync(join(folder, "training_state.json"), "{"), "corrupt_file"],
  ["no numbers", (folder) => writeFileSync(join(folder, "training_state.json"), '{"step":"3"}'), "corrupt_file"],
  ["no state", (folder) => rmSync(join(folder, "training_state.json")), "not_found"],
  ["no weights", (folder) => rmSync(join(folder, "model.safetensors")), "not_found"],
  ["cut weights", (folder) => writeFileSync(join(folder, "optimizer.safetensors"), "cut"), "corrupt_file"],
  [
    "a link in a circle",
    (folder) => {
      rmSync(join(folder, "model.safetensors"));
      symlinkSync("model.safetensors", join(folder, "model.safetensors"));
    },
    "bad_input",
  ],
  [
    "a folder for a file",
    (folder) => {
      rmSync(join(folder, "training_state.json"));
      mkdirSync(join(folder, "training_state.json"));
    },
    "bad_input",
  ],
])("a damaged one says what is wrong: %s", async (name, damage, code) => {
  const out = join(place, name);
  damage(await save(out, 3));
  await expect(latestCheckpoint(out, "f")).rejects.toMatchObject({ name: "ZerothError", code });
});
