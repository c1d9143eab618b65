/**
 * Adapters' folders for fuzzing: those of PEFT and of this program, with things wrong in their files, or with files of
 * two adapters mixed, read over the models that they were made for, or over another.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { disk } from "./disk.js";
import { damage, encode, folderOf, lengthOf, safetensors } from "./folders.js";
import { mutateBytes } from "./mutate.js";
import { builtTorch } from "./torch.js";

const fixtures = new URL("../test/fixtures/adapters/", import.meta.url);
const bases = ["bert-sequence", "bert-tokens", "bert-span", "bert-choice", "roberta-sequence", "gpt2", "t5"];

/** Folders of PEFT's, each with the model it was made over. */
const peft = [
  ...["bert-prefix", "bert-projection", "bert-span", "bert-prompt", "bert-lora", "roberta-prefix"],
  ...["gpt2-prefix", "gpt2-prompt", "gpt2-lora", "t5-prefix", "t5-prompt", "t5-lora"],
].map((name) => ({
  base: JSON.parse(readFileSync(new URL(`${name}/expected.json`, fixtures), "utf8")).base,
  files: folderOf(`adapters/${name}`),
}));

const floats = (shape) => ["F32", shape, 4 * shape.reduce((a, b) => a * b, 1)];
const own = (base, about, tensors) => ({
  base,
  files: {
    "zeroth_adapter.json": encode({ format: 1, ...about }),
    "zeroth_adapter.safetensors": safetensors(
      Object.fromEntries(Object.entries(tensors).map(([name, shape]) => [name, floats(shape)])),
    ),
  },
});
const pooler = { "bert.pooler.dense.weight": [16, 16], "bert.pooler.dense.bias": [16] };

/** Folders with files of this program alone: what PEFT has no word for. */
const ours = [
  own(
    "t5",
    { settings: { method: "prefix", length: 2, sites: ["encoder", "decoder", "cross"], counted: false } },
    { "adapter.encoder.weight": [2, 128], "adapter.decoder.weight": [2, 128], "adapter.cross.weight": [2, 128] },
  ),
  own(
    "bert-choice",
    { head: "choice", settings: { method: "prefix", length: 2, sites: ["encoder"], counted: true } },
    { "adapter.encoder.weight": [2, 96], "classifier.weight": [1, 16], "classifier.bias": [1] },
  ),
  own(
    "bert-sequence",
    { head: "sequence", labels: ["a", "b"], max_length: 12, base: { name: "x" }, settings: { method: "head" } },
    { "classifier.weight": [2, 16], "classifier.bias": [2] },
  ),
  own(
    "bert-tokens",
    {
      head: "tokens",
      labels: ["O", "B-X", "I-X"],
      settings: { method: "prefix", length: 2, sites: ["encoder"], counted: true, projection: { from: 16, hidden: 3 } },
    },
    {
      "adapter.encoder.weight": [2, 16],
      "adapter.encoder.projection.0.weight": [3, 16],
      "adapter.encoder.projection.0.bias": [3],
      "adapter.encoder.projection.2.weight": [96, 3],
      "adapter.encoder.projection.2.bias": [96],
      "classifier.weight": [3, 16],
      "classifier.bias": [3],
    },
  ),
  own(
    "gpt2",
    { settings: { method: "lora", products: { "transformer.h.0.attn.c_attn": { rank: 1, scale: 2 } } } },
    {
      "transformer.h.0.attn.c_attn.lora_A.weight": [1, 16],
      "transformer.h.0.attn.c_attn.lora_B.weight": [48, 1],
    },
  ),
  own("bert-sequence", { head: "sequence", settings: { method: "head" } }, { ...pooler, "classifier.weight": [3, 16] }),
];

const seeds = [...peft, ...ours];

/** Expressions of targets and patterns that a backtracking matcher does not come back from. */
const greedy = ["(.+)+x", "(a|a|.)*$x", "(.*)*!", "([^.]+\\.?)+#", "(.*a)*{40}", "(?:.*){30}q", "(?=(.+)+x)q", "\\w+\\w+\\w+\\w+!"]; // biome-ignore format: a table

function withGreedy(bytes, random) {
  try {
    const config = JSON.parse(new TextDecoder().decode(bytes));
    const pattern = random.pick(greedy);
    const keys = ["target_modules", "exclude_modules", "rank_pattern", "alpha_pattern"];
    const key = random.pick(keys);
    config[key] = key.endsWith("pattern") ? { [pattern]: 2 } : pattern;
    return encode(config);
  } catch {
    return bytes;
  }
}

/** One case: a folder and the model it is read over. */
function wrong(seed, random) {
  let { files, base } = seed;
  const other = random.pick(seeds);
  const choice = random.below(10);
  if (choice === 0) base = random.pick(bases);
  else if (choice === 1) files = { ...files, ...other.files };
  else if (choice === 2) {
    const name = random.pick(Object.keys(other.files));
    files = { ...files, [name]: other.files[name] };
  } else if (choice === 3) {
    const { "adapter_model.safetensors": _, ...rest } = files;
    const built = builtTorch(random);
    files = { ...rest, "adapter_model.bin": random.next() < 0.3 ? mutateBytes(built, random) : built };
  } else if (choice === 4 && files["adapter_config.json"]) {
    files = { ...files, "adapter_config.json": withGreedy(files["adapter_config.json"], random) };
  }
  if (choice > 3 || random.next() < 0.5) files = damage(files, random);
  return { files, base };
}

/** Readers of adapters below `place`. */
export function adapterReaders({ openModelFolder, readAdapterFiles, readAdapted, parseNpy, encodeNpy }, place) {
  const { root, lay, traced } = disk(place, { "config.json": encode({ peft_type: "LORA" }) });
  const opened = new Map();
  const baseOf = (name) => {
    if (!opened.has(name)) opened.set(name, openModelFolder(fileURLToPath(new URL(`base/${name}`, fixtures))));
    return opened.get(name);
  };
  return [
    {
      name: "adapter folder",
      seeds,
      mutate: wrong,
      sizeOf: ({ files }) => lengthOf(files),
      async read({ files, base }) {
        const folder = join(root, "adapter");
        const model = baseOf(base);
        lay(folder, files);
        let read;
        await traced(folder, () => {
          read = readAdapterFiles(folder);
        });
        // The model's own files are elsewhere, and are opened here.
        readAdapted(model, read);
      },
    },
    {
      name: "prompt .npy",
      seeds: [
        encodeNpy({ dtype: "float32", shape: [3, 4], data: new Float32Array(12).fill(0.5) }),
        encodeNpy({ dtype: "float32", shape: [1, 2], data: new Float32Array(2) }),
      ],
      mutate: mutateBytes,
      read: (bytes) => void parseNpy(bytes, "fuzz.npy"),
    },
  ];
}
