/** What configurations of image encoders and two towers say, and what of it is refused. */
import { expect, test } from "vitest";
import { clipConfig, vitConfig } from "../../test/support/models/fresh.ts";
import type { JsonObject } from "../base/json.ts";
import { familyOf } from "./families.ts";

const read = (config: object, names?: readonly string[]) =>
  familyOf(config as JsonObject, "").read(
    config as JsonObject,
    names && { has: (name) => names.includes(name), shape: () => undefined, same: () => false },
  );

test.each<[string, object, string, string]>([
  ["heads that do not divide", { ...vitConfig, num_attention_heads: 5 }, "corrupt_file", "5 heads"],
  ["a patch larger than the image", { ...vitConfig, patch_size: 32 }, "corrupt_file", "patch_size 32"],
  ["patches that are not square", { ...vitConfig, patch_size: [4, 8] }, "unsupported", "4 by 8"],
  ["no size", { ...vitConfig, image_size: "large" }, "corrupt_file", "image_size"],
  ["an activation that is not there", { ...vitConfig, hidden_act: "snake" }, "corrupt_file", "hidden_act"],
  [
    "heads of one tower",
    { ...clipConfig, vision_config: { ...clipConfig.vision_config, num_attention_heads: 7 } },
    "corrupt_file",
    "vision_config: hidden_size 64 and 7 heads",
  ],
  ["a size in a tower", { ...clipConfig, text_config: { vocab_size: -1 } }, "corrupt_file", "text_config.vocab_size"],
])("%s", (_, config, code, words) => {
  expect(() => read(config)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
});

test("a CLIP that lacks a tower says which", () => {
  const text = ["text_model.final_layer_norm.weight", "text_projection.weight"];
  expect(() => read(clipConfig, text)).toThrow("lack the tower for images (vision_model.post_layernorm.weight)");
  expect(() => read(clipConfig, ["vision_model.post_layernorm.weight"])).toThrow("lack the tower for texts");
});

test("a classifier is there where its weights are, or where nothing but config.json says so", () => {
  expect(read(vitConfig)).toMatchObject({ labels: ["cat", "dog", "fish"], problem: "single" });
  expect(read(vitConfig, ["vit.layernorm.weight"])).not.toHaveProperty("labels");
  expect(read({ ...vitConfig, architectures: ["ViTModel"] })).not.toHaveProperty("labels");
  expect(read({ ...vitConfig, problem_type: "multi_label_classification" })).toMatchObject({ problem: "multi" });
});
