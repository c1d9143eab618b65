/**
 * What scripts/tune/experiment.mjs measured: a table of Markdown for every task on the standard output, and a picture.
 *
 *   node scripts/tune/results.mjs RESULTS.jsonl … [--svg FILE.svg]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { tasks } from "./tasks.mjs";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { svg: { type: "string" } } });
if (positionals.length === 0) {
  console.error("usage: node scripts/tune/results.mjs RESULTS.jsonl … [--svg FILE.svg]");
  process.exit(2);
}

const order = ["frozen", "head", "prompt", "p-tuning-v2", "prefix", "lora", "full"];
const names = {
  frozen: "as it is",
  head: "head",
  prompt: "input prompt",
  "p-tuning-v2": "P-tuning v2",
  prefix: "prefix",
  lora: "LoRA",
  full: "full",
};

const rows = positionals.flatMap((file) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line)),
);

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const deviation = (list) => {
  const m = mean(list);
  return list.length < 2 ? 0 : Math.sqrt(list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1));
};

/** Of every method: the rate that is best on validation rows of the first seed, and the runs with it. */
function chosenOf(task) {
  return order.flatMap((method) => {
    const runs = rows.filter((row) => row.task === task && row.method === method && !row.error);
    if (method === "frozen") return runs.slice(0, 1).map((row) => ({ method, runs: [row], tried: [] }));
    const first = runs.filter(({ seed }) => seed === 1);
    if (first.length === 0) return [];
    const best = first.reduce((a, b) => (b.best.value > a.best.value ? b : a));
    const same = runs.filter(({ lr }) => lr === best.lr).sort((a, b) => a.seed - b.seed);
    return [{ method, lr: best.lr, tried: [...new Set(first.map(({ lr }) => lr))].sort((a, b) => a - b), runs: same }];
  });
}

const shareOf = ({ trained, parameters }) =>
  trained === undefined ? "0" : trained === parameters ? "100 %" : `${((100 * trained) / parameters).toPrecision(2)} %`;
const spread = (list, digits = 1) =>
  list.length < 2 ? mean(list).toFixed(digits) : `${mean(list).toFixed(digits)} ± ${deviation(list).toFixed(digits)}`;
const lineOf = (cells) => `| ${cells.join(" | ")} |`;

const measured = Object.keys(tasks)
  .map((task) => ({ task, chosen: chosenOf(task) }))
  .filter(({ chosen }) => chosen.length > 0);

for (const { task, chosen } of measured) {
  const writes = task === "e2e";
  const { metric } = tasks[task];
  console.log(`### ${task}\n`);
  const measures = writes
    ? ["BLEU", "ROUGE-1", "ROUGE-2", "ROUGE-L"]
    : [`test ${metric}`, "of the way from head to full"];
  const heads = ["method", "learnt", "rate (of those tried)", "steps × rows", "seeds", "validation", ...measures];
  console.log(lineOf([...heads, "processor, s"]));
  console.log(lineOf([...heads, ""].map(() => "---")));
  const scoreOf = (method) => {
    const found = chosen.find((one) => one.method === method);
    return found && mean(found.runs.map(({ test }) => test.value));
  };
  const [low, high] = [scoreOf("head"), scoreOf("full")];
  // Where head and full differ by no more than seeds do there is no way between them.
  const spreadOf = (method) =>
    deviation(chosen.find((one) => one.method === method)?.runs.map(({ test }) => test.value) ?? []);
  const nothing = low === undefined || high === undefined || high - low <= spreadOf("head") + spreadOf("full");
  for (const { method, lr, tried, runs } of chosen) {
    const scores = runs.map(({ test }) => test.value);
    const way =
      ["head", "full"].includes(method) || nothing
        ? ""
        : `${Math.round((100 * (mean(scores) - low)) / (high - low))} %`;
    const shown = writes
      ? ["bleu", "rouge1", "rouge2", "rougeL"].map((key) => spread(runs.map(({ test }) => test[key])))
      : [spread(scores.map((x) => 100 * x)), way];
    const validation = runs[0].best
      ? writes
        ? spread(
            runs.map(({ best }) => best.value),
            3,
          )
        : spread(runs.map(({ best }) => 100 * best.value))
      : "";
    console.log(
      lineOf([
        names[method],
        shareOf(runs[0]),
        lr === undefined ? "" : `${lr} (${tried.join(", ")})`,
        runs[0].steps === 0 ? "" : `${runs[0].steps} × ${runs[0].batch}`,
        method === "frozen" ? "" : runs.length,
        validation,
        ...shown,
        runs[0].cpu === undefined ? "" : Math.round(mean(runs.map(({ cpu }) => cpu))),
      ]),
    );
  }
  console.log();
}

/** A panel of points for each task: a point a seed, a line at the mean. */
function picture(panels) {
  const [width, height, left, top] = [190, 210, 44, 34];
  const colours = ["#57606a", "#bf8700", "#0969da", "#8250df", "#1a7f37"];
  const shown = ["head", "prompt", "p-tuning-v2", "lora", "full"];
  const text = (x, y, what, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${what}</text>`;
  const parts = panels.map(({ task, chosen }, panel) => {
    const all = chosen.flatMap(({ runs }) => runs.map(({ test }) => 100 * test.value));
    const low = Math.max(0, 5 * Math.floor((Math.min(...all) - 2) / 5));
    const high = Math.min(100, 5 * Math.ceil((Math.max(...all) + 2) / 5));
    const x0 = left + panel * (width + left);
    const y = (value) => top + height - ((value - low) / (high - low)) * height;
    const x = (method) => x0 + ((shown.indexOf(method) + 0.5) * width) / shown.length;
    const step = high - low > 50 ? 20 : high - low > 20 ? 10 : 5;
    const ticks = [];
    for (let v = step * Math.ceil(low / step); v <= high; v += step) {
      ticks.push(
        `<line x1="${x0}" x2="${x0 + width}" y1="${y(v).toFixed(1)}" y2="${y(v).toFixed(1)}" stroke="#d8dee4"/>`,
      );
      ticks.push(text(x0 - 6, y(v) + 4, v, 'text-anchor="end" fill="#57606a"'));
    }
    const points = chosen
      .filter(({ method }) => shown.includes(method))
      .flatMap(({ method, runs }) => {
        const colour = colours[shown.indexOf(method)];
        const scores = runs.map(({ test }) => 100 * test.value);
        const m = y(mean(scores)).toFixed(1);
        const at = x(method);
        return [
          `<line x1="${at - 13}" x2="${at + 13}" y1="${m}" y2="${m}" stroke="${colour}" stroke-width="2"/>`,
          ...scores.map(
            (score, i) =>
              `<circle cx="${(at + 6 * (i - (scores.length - 1) / 2)).toFixed(1)}" cy="${y(score).toFixed(1)}" r="3.5" fill="${colour}" fill-opacity="0.65"/>`,
          ),
        ];
      });
    const names_ = shown.map((method) =>
      text(
        x(method),
        top + height + 10,
        names[method],
        `text-anchor="end" transform="rotate(-40 ${x(method).toFixed(1)} ${top + height + 10})"`,
      ),
    );
    return [
      text(x0, top - 12, `${task}, test ${tasks[task].metric}`, 'font-weight="600"'),
      ...ticks,
      ...points,
      ...names_,
    ].join("\n");
  });
  const [w, h] = [left + panels.length * (width + left), top + height + 84];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>Test scores by method: a point for each seed, a line at the mean</title>
<rect width="${w}" height="${h}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

// A task with methods that were not run yet would look like one where they failed.
const whole = measured.filter(({ task, chosen }) => task !== "e2e" && chosen.length === 5);
if (values.svg) writeFileSync(values.svg, picture(whole));
