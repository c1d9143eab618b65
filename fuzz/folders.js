/**
 * Whole model folders and checkpoints for fuzzing: one or two of a folder's files with things wrong in them, or links
 * in their place, laid on the disk and opened. Nothing outside the folder may be opened, whatever the result.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { disk } from "./disk.js";
import { mutate, mutateBytes } from "./mutate.js";
import { tokenizers } from "./tokenizers.js";
import { traceOpens } from "./trace.js";

const fixtures = new URL("../test/fixtures/", import.meta.url);
export const folderOf = (name) =>
  Object.fromEntries(
    readdirSync(new URL(name, fixtures))
      .filter((file) => !file.startsWith("expected."))
      .map((file) => [file, new Uint8Array(readFileSync(new URL(`${name}/${file}`, fixtures)))]),
  );
export const encode = (json) => new TextEncoder().encode(JSON.stringify(json));

/** Names that lead somewhere else, for whatever in a folder names a file. */
const ways = ["../outside/model.safetensors", "/etc/passwd", "..", "a/../../outside/config.json", "C:\\x.bin", "con.bin", "%2e%2e/x.bin", "model.safetensors\0.bin", "link.safetensors", "link.bin"]; // biome-ignore format: a table

export function safetensors(tensors) {
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, [dtype, shape, bytes]]) => {
      at += bytes;
      return [name, { dtype, shape, data_offsets: [at - bytes, at] }];
    }),
  );
  const json = encode(header);
  return Uint8Array.from([
    ...new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer),
    ...json,
    ...Array(at).fill(0),
  ]);
}

const config = { model_type: "t5", d_model: 4, d_kv: 2, d_ff: 8, num_heads: 2, num_layers: 1, vocab_size: 8 };

function seeds() {
  const common = {
    "config.json": encode(config),
    "generation_config.json": encode({ max_length: 20 }),
    "tokenizer.json": encode(tokenizers[0]),
    "tokenizer_config.json": encode({
      eos_token: "</s>",
      extra_ids: 2,
      added_tokens_decoder: { 0: { content: "<pad>" } },
    }),
    "special_tokens_map.json": encode({ eos_token: { content: "</s>" } }),
  };
  const shard = (name) => `model-0000${name}-of-00002.safetensors`;
  return [
    {
      ...common,
      [shard(1)]: safetensors({ a: ["F32", [2, 2], 16], "w.scale": ["F32", [4], 16] }),
      [shard(2)]: safetensors({ "w.int8": ["I8", [3, 4], 12] }),
      "model.safetensors.index.json": encode({ weight_map: { a: shard(1), "w.scale": shard(1), "w.int8": shard(2) } }),
    },
    // Without an index, and a tensor in both.
    {
      ...common,
      [shard(1)]: safetensors({ a: ["F32", [2, 2], 16], b: ["F32", [1], 4] }),
      [shard(2)]: safetensors({ b: ["F32", [1], 4], "c.weight": ["F16", [2], 4] }),
    },
    {
      ...common,
      "model.safetensors": safetensors({
        "w.scale": ["F32", [2, 1], 8],
        "w.int4": ["U8", [2, 1, 16], 32],
        b: ["BF16", [3], 6],
      }),
    },
    // Whole models, which open: one of each way to keep weights, and of each kind that reads text.
    ...["torch/t5-sharded", "torch/t5-zip", "t5/sharded", "gpt2/bare", "llama/grouped", "bert/single"].map((name) => ({
      ...common,
      ...folderOf(name),
    })),
  ];
}

export const lengthOf = (files) =>
  Object.values(files).reduce((sum, held) => sum + (held instanceof Uint8Array ? held.length : 0), 0);

/** An index with names that no file has, names moved to another file, or files that are not there. */
function misplace(text, random) {
  let index;
  try {
    index = JSON.parse(text);
  } catch {
    return text;
  }
  const map = index.weight_map;
  if (typeof map !== "object" || map === null) return text;
  const shards = [...new Set(Object.values(map))];
  for (let n = 1 + random.below(3); n > 0; n--) {
    const name = random.pick([...Object.keys(map), "absent.weight", "__proto__"]);
    const shard = random.pick([...shards, ...shards, "model-00009-of-00009.safetensors"]);
    if (random.next() < 0.4) delete map[name];
    else Object.defineProperty(map, name, { value: shard, enumerable: true, configurable: true, writable: true });
  }
  return JSON.stringify(index);
}

/** What lies in the place of files that were never fetched. */
const mistaken = [
  "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
  "<html></html>",
  "",
  "PK\u0003\u0004",
];

/** Ways other programs say that they quantised a model. */
const schemes = [{ quant_method: "gptq" }, { quant_method: "zeroth", bits: 8 }, { load_in_8bit: true }, null, 3, "x"];

function rescheme(text, random) {
  try {
    return JSON.stringify({ ...JSON.parse(text), quantization_config: random.pick(schemes) });
  } catch {
    return text;
  }
}

/** A folder with one or two of its files wrong. */
export function damage(seed, random) {
  const files = { ...seed };
  const names = Object.keys(files);
  const chosen = new Set(Array.from({ length: 1 + random.below(2) }, () => random.pick(names)));
  for (const name of chosen) {
    const held = files[name];
    const choice = random.below(11);
    if (choice === 0) delete files[name];
    else if (choice === 1)
      files[name] = {
        link: random.pick(["../outside/config.json", "../outside", "/etc/hostname", name, random.pick(names)]),
      };
    else if (choice === 2) files[name] = { hard: "outside/config.json" };
    else if (choice === 3) files[name] = { folder: true };
    else if (choice === 4) files[name] = new TextEncoder().encode(random.pick(mistaken));
    else if (!(held instanceof Uint8Array)) continue;
    else if (name.endsWith(".safetensors")) files[name] = mutate(held, random);
    else if (name.endsWith(".bin")) files[name] = mutateBytes(held, random);
    else {
      let text = new TextDecoder().decode(held);
      if (name.endsWith(".index.json") && random.next() < 0.5) text = misplace(text, random);
      else if (name === "config.json" && random.next() < 0.3) text = rescheme(text, random);
      else if (random.next() < 0.3)
        text = text.replace(/"[\w-]+\.(safetensors|bin)"/, () => JSON.stringify(random.pick(ways)));
      else if (held.length < 20_000) text = mutateText(text, random);
      files[name] = new TextEncoder().encode(text);
    }
  }
  return files;
}

function mutateText(text, random) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return mutate(text, random);
}

/** Readers of folders below `place`, which is emptied and filled again for each case. */
export function folderReaders({ openModelFolder, openTokenizer, readModel, latestCheckpoint }, place) {
  const { root, lay, traced } = disk(place, {
    "config.json": encode(config),
    "model.safetensors": safetensors({ a: ["F32", [2, 2], 16] }),
  });
  const checkpoint = {
    "model.safetensors": safetensors({ a: ["F32", [2, 2], 16], b: ["I64", [1], 8] }),
    "optimizer.safetensors": safetensors({ "a.m": ["F32", [2, 2], 16] }),
    "training_state.json": encode({ step: 3, tokens: 70, position: 12, fingerprint: "f" }),
  };
  return [
    {
      name: "model folder",
      seeds: seeds(),
      mutate: damage,
      sizeOf: lengthOf,
      async read(files) {
        const folder = join(root, "model");
        lay(folder, files);
        await traced(folder, () => {
          const opened = openModelFolder(folder);
          const failed = [];
          // One that is wrong must not hide the other.
          for (const work of [
            () => readModel(opened.config, opened.weights, folder, { absent: opened.absent }),
            () => openTokenizer(opened).encode("a ab <x>"),
          ]) {
            try {
              work();
            } catch (error) {
              failed.push(error);
            }
          }
          const worst = failed.find((error) => error?.name !== "ZerothError") ?? failed[0];
          if (worst) throw worst;
        });
      },
    },
    {
      name: "checkpoint",
      seeds: [checkpoint],
      mutate: damage,
      sizeOf: lengthOf,
      async read(files) {
        const run = join(root, "run");
        lay(join(run, "checkpoint-3"), files);
        const { error } = await traceOpens(() => latestCheckpoint(run, "f"));
        if (error !== undefined) throw error;
      },
    },
  ];
}
