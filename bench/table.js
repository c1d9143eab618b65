/** Measurements as a page of Markdown. */
import { texts } from "./encoders/shapes.js";
import { work } from "./shapes.js";

const titles = {
  encoder: "Encoder, 256 tokens",
  decode1: "Decode, batch 1, a step",
  decode8: "Decode, batch 8, a step",
  first_token: "First token from process start, files warm",
  first_token_cold: "First token from process start, the model's files cold",
  prefill: "Prompt of 512 tokens",
  generate1: "Decoder, batch 1, a step after 512 tokens",
  generate8: "Decoder, batch 8, a step after 512 tokens",
  first_token_decoder: "First token of a decoder from process start, files warm",
  embed: "Embeddings of 1,000 texts of 5 to 200 tokens",
  train: "Training step, all weights (AdamW)",
  frozen: "Training step, frozen body (20-token prompt)",
};
const tokens = {
  encoder: 256,
  decode1: 1,
  decode8: 8,
  prefill: 512,
  generate1: 1,
  generate8: 8,
  // A text is what is counted.
  embed: texts,
  train: 8 * 160,
  frozen: 8 * 160,
};

const precisionNames = { fp32: "fp32", int8: "8 bits", int4: "4 bits" };

/** Share of the machine's limit that a measurement reaches, as text. */
function share({ measure, shape, layout, ms }, limits) {
  if (measure === "embed") return "";
  const { encoderFlops, trainFlops, frozenFlops, prefillFlops, decodeBytes } = work(shape, layout);
  const flops = { encoder: encoderFlops, train: trainFlops, frozen: frozenFlops, prefill: prefillFlops }[measure];
  if (flops) {
    const gflops = flops / ms / 1e6;
    return `${gflops.toFixed(0)} GFLOP/s, ${((100 * gflops) / limits.gflops).toFixed(0)} %`;
  }
  const batch = { decode1: 1, decode8: 8, generate1: 1, generate8: 8 }[measure];
  if (!batch) return "";
  const gbps = decodeBytes(batch) / ms / 1e6;
  return `${gbps.toFixed(1)} GB/s, ${((100 * gbps) / limits.gbps).toFixed(0)} %`;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

function section(rows, limits) {
  const [{ measure, shape, precision }] = rows;
  const ours = rows.find(({ program }) => program === "zeroth");
  const lines = rows.map((row) => {
    const rate = tokens[measure] ? digits((1000 * tokens[measure]) / row.ms) : "";
    const ratio = ours && row !== ours ? `${(row.ms / ours.ms).toFixed(2)}×` : "";
    const memory = ours && row !== ours ? ` (${(row.rss / ours.rss).toFixed(2)}×)` : "";
    const cells = [
      row.name,
      `${digits(row.ms)} (${digits(row.min)}–${digits(row.max)})`,
      rate,
      ratio,
      `${row.rss.toFixed(0)}${memory}`,
      share(row, limits),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `### ${titles[measure]}: ${shape}, ${precisionNames[precision]}`,
    "",
    `| | ms (least–greatest) | ${measure === "embed" ? "texts" : "tokens"}/s | time against ours | peak memory, MiB | of the machine's limit |`,
    "|---|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}

/** The generated part of the page: what was measured how, then a section for each measure, shape and precision. */
export function table({ results, limits, machine, versions }) {
  const groups = new Map();
  for (const row of results) {
    const key = [row.measure, row.shape, row.precision].join(" ");
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const present = [...new Set(results.map(({ precision }) => precisionNames[precision]))].join(", ");
  return `Written by \`npm run bench -- --out docs/performance.md\` on ${machine.date}: ${machine.cpu}, ${machine.memory},
${machine.system}. Weights in ${present}; ${machine.threads} threads for everyone, the same weights. ${list.join("; ")}.

Machines differ by factors, so compare within one table only. Each figure is the median of ${machine.rounds} processes
(least and greatest beside it), each the median of ${machine.repeats} repeats after warming up; the programs take turns.
"First token" is one process from its start to the first word of an answer: warm, with its files in the system's cache;
cold, with the model's files dropped from it before every process (\`dd iflag=nocache\`), the program's own files not.
Training steps count input and target tokens (8 × (128 + 32)); t5-train has 24M parameters. CTranslate2 runs no encoder
alone: its figure holds one decoder step. transformers.js reads files exported from the same graph by \`zeroth export\`;
in 8 bits they are quantised as its own conversion does for T5 (rows in one scale a tensor, weights held to 7 bits), in
4 bits in symmetric blocks of 32 with products in 8 bits (\`accuracy_level\` 4), which its conversion leaves out and without
which a row at a time takes about twice as long. llama.cpp runs through its Python binding's C functions; it computes keys
and values of the cross-attention again at every step, so that at batch 8 only 8 steps are timed.
Embeddings are means of length 1 of texts whose lengths are spread evenly; transformers.js takes them in order, 32 at a
time, sentence-transformers 32 at a time of similar length, as it does by itself.

This machine's limits, measured through the engine: ${limits.gflops.toFixed(0)} GFLOP/s (product 1024×2048×2048 in fp32, so that products in
8 bits can pass it) and ${limits.gbps.toFixed(1)} GB/s (reading 512 MiB). A decode step's bytes are all decoder weights once, as stored: 4 bytes
in fp32, 1 and a scale for each row in 8 bits (17/16 in Q8_0), 5/8 in 4 bits with a scale for each block of 32 (9/16 in
Q4_0), and the keys and values of every row in fp32.

${[...groups.values()].map((rows) => section(rows, limits)).join("\n")}`;
}

const marks = ["<!-- npm run bench writes from here -->", "<!-- to here -->"];

/** A page whose generated part is replaced: what stands around the two marks stays as it is. */
export function between(page, generated) {
  const [from, to] = marks.map((mark) => page.indexOf(mark));
  const part = `${marks[0]}\n\n${generated.trim()}\n\n${marks[1]}`;
  if (from < 0 && to < 0) return `${page.trim() || "# Performance"}\n\n${part}\n`;
  if (from < 0 || to < from) throw new Error(`the page has no ${marks[0]} before ${marks[1]}: prose could be lost`);
  return page.slice(0, from) + part + page.slice(to + marks[1].length);
}
