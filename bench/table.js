/** Measurements as a page of Markdown. */

const titles = {
  encoder: "Encoder, 256 tokens",
  decode1: "Decode, batch 1, a step",
  decode8: "Decode, batch 8, a step",
  first_token: "First token from process start",
  train: "Training step, all weights (AdamW)",
  frozen: "Training step, frozen body (20-token prompt)",
};
const tokens = { encoder: 256, decode1: 1, decode8: 8, train: 8 * 160, frozen: 8 * 160 };

/** Share of the machine's limit that a measurement reaches, as text. */
function share({ measure, shape, ms }, limits, work) {
  const { encoderFlops, trainFlops, frozenFlops, decodeBytes } = work(shape);
  const flops = { encoder: encoderFlops, train: trainFlops, frozen: frozenFlops }[measure];
  if (flops) {
    const gflops = flops / ms / 1e6;
    return `${gflops.toFixed(0)} GFLOP/s, ${((100 * gflops) / limits.gflops).toFixed(0)} %`;
  }
  if (measure === "first_token") return "";
  const gbps = decodeBytes(measure === "decode8" ? 8 : 1) / ms / 1e6;
  return `${gbps.toFixed(1)} GB/s, ${((100 * gbps) / limits.gbps).toFixed(0)} %`;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

function section(rows, limits, work) {
  const [{ measure, shape }] = rows;
  const ours = rows.find(({ peer }) => peer === "zeroth");
  const lines = rows.map((row) => {
    const rate = tokens[measure] ? digits((1000 * tokens[measure]) / row.ms) : "";
    const ratio = ours && row !== ours ? `${(row.ms / ours.ms).toFixed(2)}×` : "";
    const memory = ours && row !== ours ? ` (${(row.rss / ours.rss).toFixed(2)}×)` : "";
    const cells = [
      row.peer,
      `${digits(row.ms)} (${digits(row.min)}–${digits(row.max)})`,
      rate,
      ratio,
      `${row.rss.toFixed(0)}${memory}`,
      share(row, limits, work),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `### ${titles[measure]}: ${shape}`,
    "",
    "| | ms (least–greatest) | tokens/s | time against ours | peak memory, MiB | of the machine's limit |",
    "|---|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}

/** The whole page. */
export function table({ results, limits, machine, versions, work }) {
  const groups = Map.groupBy
    ? [...Map.groupBy(results, ({ measure, shape }) => `${measure} ${shape}`).values()]
    : Object.values(
        results.reduce((all, row) => {
          const key = `${row.measure} ${row.shape}`;
          all[key] = [...(all[key] ?? []), row];
          return all;
        }, {}),
      );
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Performance

Written by \`npm run bench -- --out docs/performance.md\` on ${machine.date}: ${machine.cpu}, ${machine.memory},
${machine.system}. fp32, ${machine.threads} threads for everyone, the same weights. ${list.join("; ")}.

Machines differ by factors, so compare within one table only. Each figure is the median of ${machine.rounds} processes
(least and greatest beside it), each the median of ${machine.repeats} repeats after warming up; the programs take turns.
"First token" is one process from its start to the first word of an answer, files in the system's cache. Training steps
count input and target tokens (8 × (128 + 32)); t5-train has 24M parameters. CTranslate2 runs no encoder alone: its
figure holds one decoder step. transformers.js reads files exported from the same graph by \`zeroth export\`.

This machine's limits, measured through the engine: ${limits.gflops.toFixed(0)} GFLOP/s (product 1024×2048×2048) and
${limits.gbps.toFixed(1)} GB/s (reading 512 MiB). A decode step's bytes are all decoder weights once and the keys and values of every row.

${groups.map((rows) => section(rows, limits, work)).join("\n")}`;
}
