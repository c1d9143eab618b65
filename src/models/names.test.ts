/** Checkpoints of every family with prefixes before all names, or without those that belong there. */
import { expect, test } from "vitest";
import { type SmallFamily, smallConfigs } from "../../test/support/models/small-configs.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";
import { familyOf, readModel } from "./families.ts";
import { wholeGraph } from "./kinds/whole.ts";

/** Tensors that a model of this configuration asks for, of which only the shapes are known. */
const storedOf = (family: SmallFamily): Map<string, StoredTensor> => {
  const json = smallConfigs[family];
  const { parameters } = wholeGraph(familyOf(json, "here").read(json));
  return new Map(
    parameters.map(({ name, outputs }) => [
      name,
      { dtype: "float32", shape: outputs[0]!.shape as number[], data: new Uint8Array() },
    ]),
  );
};
const renamed = (stored: Weights, name: (own: string) => string): Weights =>
  new Map([...stored].map(([own, tensor]) => [name(own), tensor]));

/** The prefix of a family's body, which a body saved alone lacks. */
const bodies: Partial<Record<SmallFamily, string>> = {
  bart: "model.",
  marian: "model.",
  bert: "bert.",
  roberta: "roberta.",
  distilbert: "distilbert.",
  electra: "electra.",
  mpnet: "mpnet.",
  modernbert: "model.",
  deberta: "deberta.",
  gpt2: "transformer.",
  "gpt-neo": "transformer.",
  gptj: "transformer.",
  "gpt-neox": "gpt_neox.",
  llama: "model.",
  mistral: "model.",
  qwen2: "model.",
  qwen3: "model.",
  gemma3: "model.",
  phi3: "model.",
  vit: "vit.",
};

const families = Object.keys(smallConfigs) as SmallFamily[];

test.each(families)("%s: any wrapper, the body's prefix left out, both", (family) => {
  const own = storedOf(family);
  const names = [...own.keys()].sort();
  const body = bodies[family];
  const bare = (name: string) => (body && name.startsWith(body) ? name.slice(body.length) : name);
  const ways: readonly ((name: string) => string)[] = [
    (name) => name,
    (name) => `module.${name}`,
    (name) => `_orig_mod.module.${name}`,
    (name) => `a.b.${name}`,
    ...(body ? [bare, (name: string) => `module.${bare(name)}`] : []),
  ];
  for (const way of ways) {
    const { weights } = readModel(smallConfigs[family], renamed(own, way), "here");
    expect([...weights.keys()].sort()).toEqual(names);
    for (const [name, tensor] of weights) expect(tensor).toBe(own.get(name));
  }
});

test.each(families)("%s: every tensor that lacks is named, whatever stands before the others", (family) => {
  const own = storedOf(family);
  for (const way of [(name: string) => name, (name: string) => `module.${name}`]) {
    for (const gone of [...own.keys()].slice(2, 40)) {
      const stored = renamed(new Map([...own].filter(([name]) => name !== gone)), way);
      const read = () => readModel(smallConfigs[family], stored, "here", { absent: new Map([[gone, "shard"]]) });
      try {
        const { architecture } = read();
        // What decides by its being there what the model is.
        expect(wholeGraph(architecture).parameters.some(({ name }) => name === gone)).toBe(false);
      } catch (error) {
        expect(error).toMatchObject({ name: "ZerothError", code: "corrupt_file" });
        expect((error as Error).message).toContain(gone);
      }
    }
  }
});
