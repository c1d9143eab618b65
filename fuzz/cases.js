/** The readers of files that strangers send, each with inputs to start from; `fuzz` runs them on what goes wrong. */
import { getHeapStatistics } from "node:v8";
import { adapterReaders } from "./adapters.js";
import { chatReader } from "./chat.js";
import { documentReaders } from "./documents.js";
import { folderReaders } from "./folders.js";
import { ggufReader } from "./gguf.js";
import { hubReaders } from "./hub.js";
import { generator, mutate, safetensorsBytes } from "./mutate.js";
import { onnxReader } from "./onnx.js";
import { pipelineReader } from "./pipelines.js";
import { rowReaders } from "./rows.js";
import { scanReader } from "./scan.js";
import { spieceReader } from "./spiece.js";
import { structuredReaders } from "./structured.js";
import { tokenizers } from "./tokenizers.js";
import { torchReader } from "./torch.js";

const config = {
  model_type: "switch_transformers",
  d_model: 8,
  d_kv: 4,
  d_ff: 16,
  num_heads: 2,
  num_layers: 2,
  num_experts: 4,
  num_sparse_encoder_layers: 1,
  num_sparse_decoder_layers: 1,
  expert_capacity: 4,
  router_dtype: "float32",
  vocab_size: 16,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
  nested: { a: [1, 2] },
};
const listing = {
  sha: "0".repeat(40),
  siblings: [
    { rfilename: "config.json", size: 3, blobId: "1".repeat(40) },
    { rfilename: "model.safetensors", size: 9, blobId: "2".repeat(40), lfs: { size: 9, sha256: "3".repeat(64) } },
    { rfilename: "a b/c.txt", size: 1, blobId: "4".repeat(40) },
  ],
};
const header = {
  __metadata__: { format: "pt" },
  a: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
  b: { dtype: "BF16", shape: [3], data_offsets: [16, 22] },
  c: { dtype: "U8", shape: [0], data_offsets: [22, 22] },
};
const few = {
  "w.scale": { dtype: "F32", shape: [2], data_offsets: [0, 8] },
  "v.scale": { dtype: "F32", shape: [2, 1], data_offsets: [8, 16] },
  "w.int8": { dtype: "I8", shape: [3, 2], data_offsets: [16, 22] },
  "v.int4": { dtype: "U8", shape: [2, 1, 16], data_offsets: [22, 54] },
  "e.int8_rows": { dtype: "I8", shape: [2, 3], data_offsets: [54, 60] },
  "e.scale": { dtype: "F32", shape: [2], data_offsets: [60, 68] },
};

/** The readers of a library, with their seeds; `folder` is where those that read from a disk may write. */
export function readers(library, folder) {
  const { parseSafetensorsHeader, safetensorsInMemory, parseJsonObject, createTokenizer, readStored } = library;
  return [
    {
      name: "safetensors",
      seeds: [safetensorsBytes(JSON.stringify(header), 22), safetensorsBytes("{}  ", 0)],
      read: (bytes) => void parseSafetensorsHeader(bytes, bytes.length, "fuzz.safetensors"),
    },
    {
      name: "quantised weights",
      seeds: [safetensorsBytes(JSON.stringify(few), 68)],
      read(bytes) {
        for (const stored of safetensorsInMemory(bytes, "fuzz.safetensors").values()) readStored(stored);
      },
    },
    {
      name: "config.json",
      seeds: [JSON.stringify(config)],
      read(text) {
        const json = parseJsonObject(text, "config.json");
        library.familyOf(json, "config.json").read(json);
      },
    },
    {
      name: "hub listing",
      seeds: [JSON.stringify(listing)],
      read: (text) => void library.chooseFiles(library.parseListing(parseJsonObject(text, "hub"), "hub"), "a/b"),
    },
    {
      name: "tokenizer.json",
      seeds: tokenizers.map((json) => JSON.stringify(json)),
      read(text) {
        const tokenizer = createTokenizer(parseJsonObject(text, "tokenizer.json"));
        const encoded = tokenizer.encode("a ab  é\u0301 日本 <x> <pad> 😀 aab  ");
        void encoded.offsets;
        tokenizer.decode(encoded.ids);
      },
    },
    pipelineReader(library),
    spieceReader(library.createSentencePieceTokenizer),
    torchReader(library.readTorchFile),
    ggufReader(library),
    {
      name: "names",
      seeds: [JSON.stringify({ stored: ["module.a.weight", "module.b"], wanted: ["a.weight", "b"], prefixes: ["a."] })],
      read(text) {
        const { stored, wanted, prefixes } = parseJsonObject(text, "names");
        const lists = [stored, wanted, prefixes].map((list) => (Array.isArray(list) ? list.map(String) : []));
        const { missing } = library.canonicalNames(lists[0], lists[1], { prefixes: lists[2] });
        // As a model does with what it does not find.
        if (missing.length > 0) library.failMissing({ missing, unexpected: [] }, "fuzz");
      },
    },
    onnxReader(library),
    ...hubReaders(library),
    ...rowReaders(library, folder),
    ...documentReaders(library),
    ...folderReaders(library, folder),
    scanReader(library, folder),
    ...structuredReaders(library, generator),
    chatReader(library),
    ...adapterReaders(library, folder),
  ].map((reader) => ({ mutate, sizeOf: ({ length }) => length, ...reader }));
}

/** Live memory of this thread, and the most the process ever held. */
function memory() {
  const { used_heap_size: heap, external_memory: outside } = getHeapStatistics();
  return { live: heap + outside, peak: process.resourceUsage().maxRSS * 1024 };
}

/**
 * Run `cases` mutations on each reader, beginning with the one of the number `from`. A failure is anything but a value or
 * an expected error within `slowMs` and with memory of at most 4 times the input and 64 MB. `told` hears of each case
 * before it begins.
 */
export async function fuzz(list, { cases, from = 0, seed, expected, slowMs = 1000, told = () => {} }) {
  const rows = [];
  for (const [which, reader] of list.entries()) {
    const row = { name: reader.name, cases: 0, accepted: 0, refused: 0, slowestMs: 0, largestBytes: 0, failures: [] };
    for (let i = from; i < from + cases; i++) {
      const caseSeed = (seed * 1_000_003 + which * 7_919_777 + i) >>> 0;
      const random = generator(caseSeed);
      const input = reader.mutate(random.pick(reader.seeds), random);
      told(which, caseSeed);
      const before = memory();
      const start = performance.now();
      let why;
      try {
        const work = reader.read(input);
        if (work) await work;
        row.accepted++;
      } catch (error) {
        if ((reader.expected ?? expected)(error)) row.refused++;
        else why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      let took = performance.now() - start;
      const after = memory();
      const grown = Math.max(after.live - before.live, after.peak - before.peak);
      // Other work on the machine can be what took long; it does not wait for the same case twice.
      if (took > slowMs && !why) took = Math.min(took, await timeOf(reader, input));
      row.slowestMs = Math.max(row.slowestMs, took);
      row.largestBytes = Math.max(row.largestBytes, grown);
      if (took > slowMs) why ??= `took ${took.toFixed(0)} ms`;
      if (grown > 4 * reader.sizeOf(input) + 64e6) why ??= `memory grew by ${(grown / 1e6).toFixed(0)} MB`;
      if (why) row.failures.push({ seed: caseSeed, why, input: shown(input) });
      row.cases++;
    }
    rows.push(row);
  }
  return rows;
}

async function timeOf(reader, input) {
  const start = performance.now();
  try {
    await reader.read(input);
  } catch {
    // Looked at before.
  }
  return performance.now() - start;
}

function shown(input) {
  if (typeof input === "string") return input;
  if (input instanceof Uint8Array) return Buffer.from(input).toString("hex");
  return JSON.stringify(input, (_, held) => (held instanceof Uint8Array ? Buffer.from(held).toString("latin1") : held));
}
