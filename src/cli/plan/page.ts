/** A plan as a page for a person: what it is, whether it fits, how fast it can be, and what it stands beside. */
import type { Training } from "../../plan/memory.ts";
import { type Landmark, ownLandmark, type Plan, sizeOf } from "../../plan/plan.ts";
import { bars, clipped, short } from "../../plan/plot.ts";
import { ownPrecisions, type Precision } from "../../plan/precision.ts";
import { fixedTokens, natureOf } from "../../plan/shapes.ts";
import { type Part, parts } from "../../plan/tensor-groups.ts";
import { bytes } from "../output.ts";
import { describeShape, duration, operations, rate, whole, wrapped } from "./words.ts";

interface Style {
  bold(text: string): string;
  dim(text: string): string;
}

const partNames: Record<Part, string> = {
  embedding: "embeddings",
  encoder: "encoder",
  memory: "cross-attention keys, values",
  decoder: "decoder",
  head: "output matrix",
};

const indented = (text: string, width: number): string => `  ${wrapped(text, width - 2).replaceAll("\n", "\n  ")}`;

/** A label and figures, right-aligned in columns of `width`. */
const row = (label: string, cells: readonly string[], first: number, width: number): string =>
  `  ${label.padEnd(first)}${cells.map((cell) => cell.padStart(width)).join("")}`.trimEnd();

type Cell = (precision: Precision) => string;

/** A row for each label, a column for each precision. */
function byPrecision(dtype: Precision, rows: readonly (readonly [string, Cell])[]): string[] {
  const own = ownPrecisions.some((precision) => precision === dtype);
  const columns: readonly Precision[] = own ? ownPrecisions : [...ownPrecisions, dtype];
  const first = own ? 29 : 22;
  return [
    row("", columns, first, 11),
    ...rows.map(([label, cell]) =>
      row(
        label,
        columns.map((precision) => cell(precision)),
        first,
        11,
      ),
    ),
  ];
}

function parametersSection({ counts, subject }: Plan, width: number): string[] {
  if (!counts) return [];
  const { shape, known, files } = subject;
  const sparse = counts.active < counts.total;
  const tied = shape && (shape.family === "gpt" || ("tied" in shape && shape.tied));
  const line = (label: string, { total, active }: { total: number; active: number }) =>
    row(label, sparse ? [whole(total), whole(active)] : [whole(total)], 29, 20);
  const named = (part: Part) => {
    if (!shape && counts.parts[part].total === counts.total) return "all tensors";
    if (part === "head" && tied) return "embeddings, also the output";
    return part === "embedding" && (tied || shape?.family === "vit") ? "positions" : partNames[part];
  };
  const differing = files && [
    ...files.missing.map((name) => `${name} is missing`),
    ...files.extra.map((name) => `${name} is more than counted`),
  ];
  return [
    ...(sparse ? [row("", ["all experts", "active a token"], 29, 20)] : []),
    ...parts.filter((part) => counts.parts[part].total > 0).map((part) => line(named(part), counts.parts[part])),
    line("total", counts),
    ...(known ? [row("published", [known.published], 29, 20)] : []),
    ...(known?.note ? [indented(`(${known.note})`, width)] : []),
    ...(files?.equal ? ["  ✓ the weight files hold exactly these"] : []),
    ...(files && !files.equal
      ? [`  ✗ the weight files hold ${whole(files.parameters)}`, ...(differing ?? []).map((text) => `    ${text}`)]
      : []),
  ];
}

function memorySection({ inference, machine, subject, dtype }: Plan): string[] {
  if (!inference) return [];
  const { self, cross } = inference.fp32;
  return byPrecision(dtype, [
    ["weights", (p) => bytes(inference[p].weights)],
    ...(self > 0 ? [[cross > 0 ? "keys, values: output" : "keys, values", () => bytes(self)] as const] : []),
    ...(cross > 0 ? [["keys, values: input", () => bytes(cross)] as const] : []),
    ...(subject.shape ? [["working space, about", (p: Precision) => bytes(inference[p].working)] as const] : []),
    ["together", (p) => bytes(inference[p].total)],
    ...(machine
      ? [
          [
            `in ${bytes(machine.memory)}`,
            (p: Precision) => (inference[p].total <= machine.memory ? "fits" : "no"),
          ] as const,
        ]
      : []),
  ]);
}

const methods = { lora: "LoRA", prefix: "prefix", prompt: "prompt" } as const;

function trainingSection({ training, tuning, machine }: Plan): string[] {
  if (!training || !tuning) return [];
  const size = tuning.method === "lora" ? `rank ${tuning.rank}` : `${tuning.virtualTokens} tokens`;
  const line = (label: string, cell: (one: Training) => string) => row(label, [training, tuning].map(cell), 29, 22);
  return [
    row(
      "",
      [`all, ${training.optimizer_name}, ${training.dtype}`, `${methods[tuning.method]}, ${size}, ${tuning.dtype}`],
      29,
      22,
    ),
    line("trained parameters", ({ trained }) => whole(trained)),
    line("weights", ({ weights }) => bytes(weights)),
    line("gradients", ({ gradients }) => bytes(gradients)),
    line("optimiser", ({ optimizer }) => bytes(optimizer)),
    line("activations, about", ({ activations }) => bytes(activations)),
    line("together", ({ total }) => bytes(total)),
    ...(machine ? [line(`in ${bytes(machine.memory)}`, ({ total }) => (total <= machine.memory ? "fits" : "no"))] : []),
  ];
}

function arithmeticSection({ flops, subject, work, trainingSet }: Plan): string[] {
  const { shape } = subject;
  if (!flops || !shape) return [];
  const { writes } = natureOf(shape);
  const line = (label: string, n: number, more = "") => row(label, [operations(n)], 29, 14) + more;
  const through = `   6·N; ${operations(flops.trainingThrough)} in its stack`;
  return [
    line("a token read", flops.input),
    writes
      ? line("a token written", flops.output)
      : line(`an input of ${work.input} tokens`, flops.input * work.input + flops.output),
    line("a token in training", flops.training, flops.trainingThrough < 0.999 * flops.training ? through : "   6·N"),
    ...(trainingSet
      ? [
          line(
            `${short(trainingSet.tokens)} tokens of training`,
            trainingSet.flops,
            trainingSet.hours === undefined ? "" : `   at least ${duration(3600 * trainingSet.hours)}`,
          ),
        ]
      : []),
  ];
}

function speedSection({ speeds, subject, work, dtype }: Plan): string[] {
  const { shape } = subject;
  if (!speeds || !shape) return [];
  const { writes } = natureOf(shape);
  const arithmetic = speeds.fp32.input !== undefined;
  if (!writes && !arithmetic) return ["  unknown without the machine's arithmetic: --machine 24GB,46GB/s,480GFLOP/s"];
  const inputs = fixedTokens(shape) === undefined ? "texts/s" : "images/s";
  const read = (p: Precision) => speeds[p].input?.rate ?? 0;
  const rows: (readonly [string, Cell])[] = [];
  if (writes) {
    rows.push(
      ["tokens written/s", (p) => rate(speeds[p].output?.rate ?? 0)],
      ["  held up by", (p) => speeds[p].output?.bound ?? ""],
      ["  bytes a step", (p) => bytes(speeds[p].output?.bytes ?? 0)],
    );
  }
  if (arithmetic) {
    rows.push(
      writes ? ["tokens read/s", (p) => rate(read(p))] : [inputs, (p) => rate(read(p) / work.input)],
      ["  held up by", (p) => speeds[p].input?.bound ?? ""],
      [writes ? "first token after" : "first answer after", (p) => duration(speeds[p].first.warm)],
    );
  }
  if (speeds.fp32.first.cold !== undefined) {
    rows.push(["  with weights on disk", (p) => duration(speeds[p].first.cold ?? 0)]);
  }
  return byPrecision(dtype, rows);
}

/** The answer, first: does it fit, and how fast can it be. */
function verdictLine({ verdict, inference, machine, speeds, subject }: Plan): string {
  const claimed = subject.known?.claimed;
  if (claimed !== undefined) {
    return `A claim of ${short(claimed)} parameters: no layer table was published, so nothing can be computed.`;
  }
  if (!verdict || !inference || !machine) return "";
  const { dtype, largest } = verdict;
  const needs = (precision: Precision) => bytes(inference[precision].total);
  const speed = largest && speeds?.[largest].output;
  const fast = speed ? `, at most ${rate(speed.rate)} tokens/s (${speed.bound})` : "";
  const has = bytes(machine.memory);
  if (verdict.verdict === "fits") return `✓ Fits in ${dtype}: ${needs(dtype)} of ${has}${fast}.`;
  if (largest) return `✓ Not in ${dtype} (${needs(dtype)}), but in ${largest}: ${needs(largest)} of ${has}${fast}.`;
  const least = ownPrecisions.reduce((a, b) => (inference[b].total < inference[a].total ? b : a));
  const much = rate(inference[least].total / machine.memory);
  return `✗ Does not fit: ${needs(dtype)} in ${dtype}; even ${needs(least)} in ${least} is ${much} times the ${has} there are.`;
}

/** What a sparse model is about: the memory of all its experts, the arithmetic of one. */
function sparseLine({ counts, bytes: weights }: Plan): string {
  if (!counts || !weights || counts.active >= counts.total) return "";
  return `It takes the memory of ${short(counts.total)} parameters (${bytes(weights.bf16)} in 16 bits) and does the arithmetic of ${short(counts.active)}.`;
}

function comparison(plan: Plan, known: readonly Landmark[], width: number, style: Style): string[] {
  const own = ownLandmark(plan);
  const rows = [...known, ...(own ? [own] : [])].sort((a, b) => sizeOf(a) - sizeOf(b));
  const [names, figures] = [21, 10];
  const cells = Math.max(12, Math.min(60, width - names - 3 * figures - 2));
  const drawn = bars(rows, cells);
  const headings = ["active", "dense", "sparse"].map((text) => text.padStart(figures)).join("");
  return [
    // The last label may reach into the empty left of the first heading.
    style.dim(
      `  ${"".padEnd(names)}${drawn.axis.padEnd(cells)}${headings.slice(Math.max(0, drawn.axis.length - cells))}`,
    ),
    ...rows.map((one, i) => {
      const figure = (value: number | undefined) => (value === undefined ? "" : short(value)).padStart(figures);
      const title = clipped(one.title, names - 1);
      const active = one.claimed ? "a claim".padStart(figures) : figure(one.active);
      const line = `${title.padEnd(names)}${drawn.bars[i]}${active}${figure(one.dense)}${figure(one.sparse)}`.trimEnd();
      return one === own ? style.bold(`▸ ${line}`) : `  ${line}`;
    }),
    style.dim("  solid: what one token passes; ░: experts it does not, or a claim"),
  ];
}

/** The whole page, for a terminal of so many columns; `machine` says in words what the speeds are of. */
export function planPage(
  plan: Plan,
  known: readonly Landmark[],
  { width, machine, style }: { readonly width: number; readonly machine: string; readonly style: Style },
): string {
  const { subject, work } = plan;
  const { shape, name, architecture } = subject;
  const title = subject.known && subject.known.title !== name ? `${subject.known.title}, ` : "";
  const kind = shape ? `${natureOf(shape).words} (${architecture})` : architecture;
  const job = [
    work.batch > 1 ? `${whole(work.batch)} at a time` : "one at a time",
    // What an input is, is not known of tensors alone.
    ...(shape ? [fixedTokens(shape) === undefined ? `${whole(work.input)} tokens in` : "an image"] : []),
    ...(shape && work.output > 0 ? [`${whole(work.output)} out`] : []),
  ].join(", ");
  const sections: (readonly [string, string[]])[] = [
    ["Parameters", parametersSection(plan, width)],
    [`Memory to run it: ${job}`, memorySection(plan)],
    ["Memory to train it", trainingSection(plan)],
    ["Arithmetic", arithmeticSection(plan)],
    [`Speed at most: ${machine}`, speedSection(plan)],
    ["Parameters beside well-known models", comparison(plan, known, width, style)],
  ];
  return [
    `${style.bold(name)}  ${style.dim(title + kind)}`,
    ...(shape ? [style.dim(wrapped(describeShape(shape), width))] : []),
    "",
    ...[verdictLine(plan), sparseLine(plan)].filter(Boolean).map((line) => style.bold(wrapped(line, width))),
    ...sections
      .filter(([, lines]) => lines.length > 0)
      .flatMap(([heading, lines]) => ["", style.bold(wrapped(heading, width)), ...lines]),
    "",
  ].join("\n");
}
