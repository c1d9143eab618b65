/** A plan as a page for a person: what it is, whether it fits, how fast it can be, and what it stands beside. */
import type { Training } from "../plan/memory.ts";
import { type Landmark, ownLandmark, type Plan, sizeOf } from "../plan/plan.ts";
import { bars, short } from "../plan/plot.ts";
import { ownPrecisions, type Precision } from "../plan/precision.ts";
import type { Bound, Machine } from "../plan/roofline.ts";
import { families, type Shape } from "../plan/shapes.ts";
import { type Part, parts } from "../plan/tensors.ts";
import { bytes } from "./output.ts";

interface Style {
  bold(text: string): string;
  dim(text: string): string;
}

const whole = (n: number): string => Math.round(n).toLocaleString("en");

/** "7.6", "82", "0.04": two digits that count. */
function rate(value: number): string {
  if (value >= 100) return whole(value);
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}

/** "12 ms", "3.4 s", "12 min", "3.4 h", "12 days", "34 years". */
export function duration(seconds: number): string {
  if (seconds < 1) return `${rate(1000 * seconds)} ms`;
  if (seconds < 90) return `${rate(seconds)} s`;
  if (seconds < 5400) return `${rate(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${rate(seconds / 3600)} h`;
  const days = seconds / 86400;
  return days < 730 ? `${whole(days)} days` : `${whole(days / 365.25)} years`;
}

/** "5.7 GFLOP" and on to "3.14e23 FLOP". */
function operations(flops: number): string {
  if (flops >= 1e18) return `${flops.toExponential(2).replace("+", "")} FLOP`;
  const units = ["", "k", "M", "G", "T", "P"];
  const unit = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, flops)) / 3)));
  return `${rate(flops / 1000 ** unit)} ${units[unit]}FLOP`;
}

/** The sizes in one line of words. */
export function describeShape(shape: Shape): string {
  const { width, feedForward, heads, headSize } = shape;
  const layers =
    shape.family === "t5" ? `${shape.encoderLayers} + ${shape.decoderLayers} layers` : `${shape.layers} layers`;
  const gated = shape.family === "llama" || shape.family === "lamda" || (shape.family === "t5" && shape.gated);
  const words = [
    layers,
    `width ${width}`,
    `feed-forward ${feedForward}${gated ? " gated" : ""}`,
    `${heads} heads of ${headSize}`,
  ];
  if ("keyHeads" in shape && shape.keyHeads < heads) words.push(`${shape.keyHeads} heads of keys`);
  if ("vocabulary" in shape) words.push(`vocabulary ${whole(shape.vocabulary)}`);
  if ("tied" in shape) words.push(shape.tied ? "tied output" : "untied output");
  if ("positions" in shape) words.push(`${whole(shape.positions)} positions`);
  if (shape.family === "vit") words.push(`images of ${shape.image} in patches of ${shape.patch}`);
  if (shape.family === "t5" && shape.experts) words.push(`${whole(shape.experts.count)} experts`);
  return words.join(", ");
}

/** Lines of at most `width`, broken between words; those after the first are indented. */
function wrapped(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].join("\n");
}

const partNames: Record<Part, string> = {
  embedding: "embeddings",
  encoder: "encoder",
  memory: "cross-attention keys, values",
  decoder: "decoder",
  head: "output matrix",
};

/** Columns of figures, right-aligned, after a label. */
const row = (label: string, cells: readonly string[], first: number, width = 11): string =>
  `  ${label.padEnd(first)}${cells.map((cell) => cell.padStart(width)).join("")}`.trimEnd();

const label = 30;

function parametersSection({ counts, subject }: Plan): string[] {
  if (!counts) return [];
  const { shape, known, files } = subject;
  const sparse = counts.active < counts.total;
  const tied = shape && (shape.family === "gpt" || ("tied" in shape && shape.tied));
  const figures = (part: { total: number; active: number }) =>
    sparse ? [whole(part.total), whole(part.active)] : [whole(part.total)];
  const wide = 20;
  const lines = parts
    .filter((part) => counts.parts[part].total > 0)
    .map((part) => {
      const name = part === "head" && tied ? "embeddings, also the output" : partNames[part];
      return row(shape ? name : "all tensors", figures(counts.parts[part]), label, wide);
    });
  const total = row("total", figures(counts), label, wide);
  return [
    sparse ? row("", ["all experts", "active a token"], label, wide) : "",
    ...lines,
    total + (known ? `   published: ${known.published}` : ""),
    known?.note ? `  (${known.note})` : "",
    files
      ? files.equal
        ? "  ✓ the weight files hold exactly these"
        : `  ✗ the weight files hold ${whole(files.parameters)}: ${[
            ...files.missing.map((name) => `${name} is missing`),
            ...files.extra.map((name) => `${name} is more than counted`),
          ].join(", ")}`
      : "",
  ].filter(Boolean);
}

const fitting = (total: number, machine: Machine | undefined): string =>
  machine ? (total <= machine.memory ? "fits" : "no") : "";

function memorySection({ inference, machine, subject }: Plan): string[] {
  if (!inference) return [];
  const each = (pick: (precision: Precision) => number) => ownPrecisions.map((precision) => bytes(pick(precision)));
  const { self, cross, working } = inference.fp32;
  const { shape } = subject;
  return [
    row("", ownPrecisions, label),
    row(
      "weights",
      each((p) => inference[p].weights),
      label,
    ),
    ...(shape && families[shape.family].writes
      ? [
          row(
            cross > 0 ? "keys, values of the output" : "keys and values",
            each(() => self),
            label,
          ),
        ]
      : []),
    ...(cross > 0
      ? [
          row(
            "keys, values of the input",
            each(() => cross),
            label,
          ),
        ]
      : []),
    ...(shape
      ? [
          row(
            "working space, about",
            each(() => working),
            label,
          ),
        ]
      : []),
    row(
      "together",
      each((p) => inference[p].total),
      label,
    ),
    ...(machine
      ? [
          row(
            `in ${bytes(machine.memory)}`,
            ownPrecisions.map((p) => fitting(inference[p].total, machine)),
            label,
          ),
        ]
      : []),
  ];
}

const methods = { lora: "LoRA", prefix: "prefix", prompt: "prompt" } as const;

function trainingSection({ training, tuning, machine, trainingSet, flops }: Plan): string[] {
  if (!training || !tuning) return [];
  const size = tuning.method === "lora" ? `rank ${tuning.rank}` : `${tuning.virtualTokens} tokens`;
  const wide = 22;
  const each = (pick: (one: Training) => string) => [training, tuning].map(pick);
  const set = trainingSet
    ? [
        wrapped(
          `  ${whole(trainingSet.tokens)} tokens take ${operations(trainingSet.flops)} (6·N·D)${
            trainingSet.hours === undefined ? "" : `: at least ${duration(trainingSet.hours * 3600)} on this machine`
          }`,
          76,
          "  ",
        ),
      ]
    : [];
  return [
    row(
      "",
      [`all, ${training.optimizer_name}, ${training.dtype}`, `${methods[tuning.method]}, ${size}, ${tuning.dtype}`],
      label,
      wide,
    ),
    row(
      "trained parameters",
      each(({ trained }) => whole(trained)),
      label,
      wide,
    ),
    row(
      "weights",
      each(({ weights }) => bytes(weights)),
      label,
      wide,
    ),
    row(
      "gradients",
      each(({ gradients }) => bytes(gradients)),
      label,
      wide,
    ),
    row(
      "optimiser",
      each(({ optimizer }) => bytes(optimizer)),
      label,
      wide,
    ),
    row(
      "activations, about",
      each(({ activations }) => bytes(activations)),
      label,
      wide,
    ),
    row(
      "together",
      each(({ total }) => bytes(total)),
      label,
      wide,
    ),
    ...(machine
      ? [
          row(
            `in ${bytes(machine.memory)}`,
            each(({ total }) => fitting(total, machine)),
            label,
            wide,
          ),
        ]
      : []),
    ...(flops ? set : []),
  ];
}

const boundNames: Record<Bound, string> = { bandwidth: "reading", arithmetic: "arithmetic" };

function arithmeticSection({ flops, subject, work }: Plan): string[] {
  const { shape } = subject;
  if (!flops || !shape) return [];
  const { reads, writes } = families[shape.family];
  const through =
    flops.trainingThrough < 0.999 * flops.training
      ? `   (6·N; ${operations(flops.trainingThrough)} through its own stack)`
      : "   (6·N)";
  return [
    row("a token read", [operations(flops.input)], label, 14),
    ...(writes ? [row("a token written", [operations(flops.output)], label, 14)] : []),
    ...(reads && !writes
      ? [row(`an input of ${work.input} tokens`, [operations(flops.input * work.input + flops.output)], label, 14)]
      : []),
    row("a token in training", [operations(flops.training)], label, 14) + through,
  ];
}

function speedSection({ speeds, subject, work }: Plan): string[] {
  const { shape } = subject;
  if (!speeds || !shape) return [];
  const each = (pick: (precision: Precision) => string | undefined) => ownPrecisions.map((p) => pick(p) ?? "?");
  const { writes } = families[shape.family];
  const inputs = shape.family === "vit" ? "images/s" : "texts/s";
  const arithmetic = speeds.fp32.input !== undefined;
  const cold = speeds.fp32.first.cold !== undefined;
  return [
    row("", ownPrecisions, label),
    ...(writes
      ? [
          row(
            "tokens written/s",
            each((p) => rate(speeds[p].output?.rate ?? 0)),
            label,
          ),
          row(
            "  held up by",
            each((p) => speeds[p].output && boundNames[speeds[p].output.bound]),
            label,
          ),
          row(
            "  bytes a step",
            each((p) => bytes(speeds[p].output?.bytes ?? 0)),
            label,
          ),
        ]
      : []),
    ...(arithmetic
      ? [
          writes
            ? row(
                "tokens read/s",
                each((p) => rate(speeds[p].input?.rate ?? 0)),
                label,
              )
            : row(
                inputs,
                each((p) => rate((speeds[p].input?.rate ?? 0) / work.input)),
                label,
              ),
          row(
            "  held up by",
            each((p) => speeds[p].input && boundNames[speeds[p].input.bound]),
            label,
          ),
          row(
            writes ? "first token after" : "first answer after",
            each((p) => duration(speeds[p].first.warm)),
            label,
          ),
        ]
      : []),
    ...(cold
      ? [
          row(
            "  with weights on disk",
            each((p) => duration(speeds[p].first.cold ?? 0)),
            label,
          ),
        ]
      : []),
  ];
}

/** The answer, first: does it fit, and how fast can it be. */
function verdictLine({ verdict, inference, machine, speeds, subject }: Plan): string {
  if (subject.known?.claimed !== undefined) {
    return `A claim of ${short(subject.known.claimed)} parameters: no layer table was published, so nothing can be computed.`;
  }
  if (!verdict || !inference || !machine) return "";
  const { dtype, largest } = verdict;
  const needs = (precision: Precision) => bytes(inference[precision].total);
  const speed = largest && speeds?.[largest].output;
  const fast = speed ? `, at most ${rate(speed.rate)} tokens/s` : "";
  const has = bytes(machine.memory);
  if (verdict.verdict === "fits") return `✓ Fits in ${dtype}: ${needs(dtype)} of ${has}${fast}.`;
  if (largest) {
    return `✓ Does not fit in ${dtype} (${needs(dtype)} of ${has}), but does in ${largest}: ${needs(largest)}${fast}.`;
  }
  const least = ownPrecisions.reduce((a, b) => (inference[b].total < inference[a].total ? b : a));
  const much = (inference[least].total / machine.memory).toFixed(1);
  return `✗ Does not fit in ${has}: ${needs(dtype)} in ${dtype}, ${needs(least)} in ${least}, ${much} times what there is.`;
}

/** What a sparse model is about: the memory of all its experts, the arithmetic of one. */
function sparseLine({ counts, bytes: weights }: Plan): string {
  if (!counts || !weights || counts.active >= counts.total) return "";
  return `It costs the memory of ${short(counts.total)} parameters (${bytes(weights.bf16)} in 16 bits) and the arithmetic of ${short(counts.active)}.`;
}

function comparison(plan: Plan, known: readonly Landmark[], width: number, style: Style): string[] {
  const own = ownLandmark(plan);
  const rows = [...known, ...(own ? [own] : [])].sort((a, b) => sizeOf(a) - sizeOf(b));
  const [names, figures] = [20, 10];
  const cells = Math.max(12, Math.min(60, width - names - 3 * figures - 4));
  const drawn = bars(rows, cells);
  const heading = `  ${"".padEnd(names)}${drawn.axis}${["active", "dense", "sparse"].map((text) => text.padStart(figures)).join("")}`;
  return [
    style.dim(heading),
    ...rows.map((one, i) => {
      const figure = (value: number | undefined) => (value === undefined ? "" : short(value)).padStart(figures);
      const title = one.title.length > names - 1 ? `…${one.title.slice(2 - names)}` : one.title;
      const active = one.claimed ? "a claim".padStart(figures) : figure(one.active);
      const line = `${title.padEnd(names)}${drawn.bars[i]}${active}${figure(one.dense)}${figure(one.sparse)}`;
      return one === own ? style.bold(`▸ ${line}`) : `  ${line}`;
    }),
  ];
}

/** "24.0 GB, 46.2 GB/s, 481 GFLOP/s, disk 1.2 GB/s". */
export function describeMachine({ memory, bandwidth, flops, disk }: Machine): string {
  return [
    bytes(memory),
    `${bytes(bandwidth)}/s`,
    flops === undefined ? "arithmetic not given" : `${operations(flops)}/s`,
    ...(disk === undefined ? [] : [`disk ${bytes(disk)}/s`]),
  ].join(", ");
}

/** The whole page, for a terminal of so many columns. */
export function planPage(
  plan: Plan,
  known: readonly Landmark[],
  width: number,
  machineWords: string,
  style: Style,
): string {
  const { subject, work } = plan;
  const { shape, name, architecture } = subject;
  const kind = shape ? `${families[shape.family].words} (${architecture})` : architecture;
  const heading = (text: string) => style.bold(text);
  const reading = shape?.family === "vit" ? "an image" : `${whole(work.input)} tokens in`;
  const job = [
    work.batch > 1 ? `${work.batch} at a time` : "one at a time",
    reading,
    ...(work.output > 0 ? [`${whole(work.output)} out`] : []),
  ].join(", ");
  const verdict = verdictLine(plan);
  const sections: [string, string[]][] = [
    ["Parameters", parametersSection(plan)],
    [`Memory to run it: ${job}`, memorySection(plan)],
    ["Memory to train it", trainingSection(plan)],
    ["Arithmetic", arithmeticSection(plan)],
    [`Speed at most, on ${machineWords}`, speedSection(plan)],
    ["Parameters beside well-known models", comparison(plan, known, width, style)],
  ];
  return [
    `${heading(name)}  ${style.dim(kind)}`,
    ...(shape ? [style.dim(wrapped(describeShape(shape), width))] : []),
    "",
    ...[verdict, sparseLine(plan)].filter(Boolean).map((line) => heading(wrapped(line, width))),
    ...sections
      .filter(([, lines]) => lines.length > 0)
      .flatMap(([title, lines]) => ["", heading(wrapped(title, width)), ...lines]),
    "",
  ].join("\n");
}
