import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalNames, failMissing, type NameRules } from "./names.ts";

const wanted = ["shared.weight", "encoder.0.q.weight", "encoder.0.norm.weight"];
const pairs = (stored: Iterable<string>, asked: readonly string[], rules?: NameRules) => {
  const { stored: found, ...rest } = canonicalNames(stored, asked, rules);
  return { found: Object.fromEntries(found), ...rest };
};
const all = (prefix: string) => Object.fromEntries(wanted.map((name) => [name, prefix + name]));
const whole = { missing: [], unexpected: [], stripped: "", added: "" };

test.each(["", "module.", "model.", "module.model.", "_orig_mod.module.", "student.net.", "a.b.c.d."])(
  "one prefix before all names is found: %j",
  (prefix) => {
    expect(pairs(Object.values(all(prefix)), wanted)).toEqual({ ...whole, found: all(prefix), stripped: prefix });
  },
);

test("a base model's names are found for the model with a head, and the other way round", () => {
  const rules = { prefixes: ["bert."] };
  const head = ["bert.layer.0.weight", "bert.layer.1.weight", "classifier.weight"];
  expect(pairs(["layer.0.weight", "layer.1.weight"], head, rules)).toEqual({
    found: { "bert.layer.0.weight": "layer.0.weight", "bert.layer.1.weight": "layer.1.weight" },
    missing: ["classifier.weight"],
    unexpected: [],
    stripped: "",
    added: "bert.",
  });
  expect(pairs(head, ["layer.0.weight", "layer.1.weight"], rules)).toMatchObject({
    missing: [],
    unexpected: ["classifier.weight"],
    stripped: "bert.",
  });
  // Wrapped, and the base model alone.
  expect(pairs(["module.layer.0.weight", "module.layer.1.weight"], head, rules)).toMatchObject({
    missing: ["classifier.weight"],
    stripped: "module.",
    added: "bert.",
  });
});

test("a prefix need not stand before all names: a head beside the body", () => {
  const stored = ["transformer.h.0.weight", "lm_head.weight"];
  expect(pairs(stored, ["h.0.weight", "lm_head.weight"])).toMatchObject({
    found: { "h.0.weight": "transformer.h.0.weight", "lm_head.weight": "lm_head.weight" },
    missing: [],
    unexpected: [],
  });
});

test("exact names win over stripped ones, which are then unexpected", () => {
  expect(pairs(["x.weight", "model.x.weight", "model.y.weight"], ["x.weight", "y.weight"])).toMatchObject({
    found: { "x.weight": "x.weight", "y.weight": "model.y.weight" },
    unexpected: ["model.x.weight"],
  });
});

test("a tensor is found under its aliases, and copies of it are expected", () => {
  const rules = { aliases: { "shared.weight": ["encoder.embed.weight", "decoder.embed.weight"] } };
  const rest = wanted.slice(1);
  expect(pairs([...rest, "decoder.embed.weight"], wanted, rules).found["shared.weight"]).toBe("decoder.embed.weight");
  expect(pairs([...wanted, "encoder.embed.weight", "decoder.embed.weight"], wanted, rules)).toEqual({
    ...whole,
    found: all(""),
  });
  const wrapped = [...rest, "encoder.embed.weight"].map((name) => `module.${name}`);
  expect(pairs(wrapped, wanted, rules)).toMatchObject({
    found: { "shared.weight": "module.encoder.embed.weight" },
    missing: [],
    unexpected: [],
  });
});

test("buffers that models compute are neither missing nor unexpected, and wanted ones are found all the same", () => {
  const stored = [...wanted, "encoder.0.attn.bias", "encoder.0.rotary_emb.inv_freq", "embeddings.position_ids"];
  expect(pairs(stored, wanted)).toEqual({ ...whole, found: all("") });
  expect(pairs(stored, [...wanted, "encoder.0.attn.bias"]).found["encoder.0.attn.bias"]).toBe("encoder.0.attn.bias");
  expect(pairs([...wanted, "x"], wanted, { ignored: [/^x$/] }).unexpected).toEqual([]);
  expect(pairs([...wanted, "x"], wanted).unexpected).toEqual(["x"]);
});

test("names of objects' own are names like others", () => {
  expect(pairs(["__proto__", "constructor"], ["constructor", "toString"])).toMatchObject({
    missing: ["toString"],
    unexpected: ["__proto__"],
  });
});

test("whatever the names: every wanted one is found or missing, every stored one used, unexpected, a copy or ignored", () => {
  const part = fc.constantFrom("module", "model", "a", "b", "weight", "", "__proto__", "h.0");
  const names = fc.array(fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(".")));
  fc.assert(
    fc.property(names, names, (stored, asked) => {
      const got = canonicalNames(stored, asked, { prefixes: ["a."] });
      expect(new Set([...got.stored.keys(), ...got.missing])).toEqual(new Set(asked));
      const used = new Set([...got.stored.values(), ...got.unexpected]);
      for (const name of stored) expect(used.has(name)).toBe(true);
      for (const name of got.stored.values()) expect(stored).toContain(name);
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("hostile checkpoints take no time: many names, many prefixes", () => {
  const prefixes = ["module.", "model.", "_orig_mod.", "transformer.", "net."];
  const stored = Array.from(
    { length: 50_000 },
    (_, i) => `${prefixes[i % 5]}${prefixes[((i / 5) % 5) | 0]}${"x.".repeat(200)}${i}`,
  );
  const start = performance.now();
  expect(canonicalNames(stored, wanted).missing).toEqual(wanted);
  expect(performance.now() - start).toBeLessThan(5_000);
});

test("what is missing is said with its shard and with what is there instead", () => {
  const got = canonicalNames(["encoder.0.q.weight", "other"], wanted);
  const absent = new Map([["shared.weight", "model-00002-of-00002.safetensors"]]);
  expect(() => failMissing(got, "folder", absent)).toThrow(
    'folder: 2 tensors are missing: "shared.weight", "encoder.0.norm.weight"; the index puts the first in ' +
      'model-00002-of-00002.safetensors, which does not have it; not expected: "other"',
  );
  const many = Array.from({ length: 9 }, (_, i) => `t${i}`);
  expect(() => failMissing({ missing: many, unexpected: [] }, "folder")).toThrow(/9 tensors.*"t4" and 4 more$/);
});
