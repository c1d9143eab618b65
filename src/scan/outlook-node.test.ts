import { expect, test } from "vitest";
import { foresee } from "./outlook-node.ts";

test.each([
  ["data alone", ["config.json", "model.safetensors", "spiece.model", "README.md", "x/chat.jinja"], "data"],
  ["a pickle among data", ["config.json", "pytorch_model.bin"], "may_hold_code"],
  ["a kind that nobody knows", ["config.json", "weights.xyz"], "may_hold_code"],
  ["code, whatever else", ["pytorch_model.bin", "folder.json/modeling.py"], "code"],
  ["nothing", [], "data"],
] as const)("%s", (_, names, outlook) => {
  expect(foresee(names).outlook).toBe(outlook);
});

test("a file's kind is its own name's, not its folder's", () => {
  expect(foresee(["model.safetensors/run.sh", "code.py/model.safetensors"]).files).toEqual([
    { file: "model.safetensors/run.sh", kind: "code", outlook: "code" },
    { file: "code.py/model.safetensors", kind: "safetensors", outlook: "data" },
  ]);
});
