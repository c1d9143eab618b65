/** The paper's claims, each tested by these results alone. */
import { predicted } from "../../../dist/study/law/fit.js";
import { heldOut, transferLimits } from "../../../dist/study/law/limits.js";
import { meanOf, rankCorrelation, spreadOf } from "../../../dist/study/report/spread.js";

const near = "omniglot one-shot";
const percent = (share) => `${(100 * share).toFixed(1)} %`;
/** Binomial error of an accuracy on 1000 pictures is up to 1.6 points: less than this is no difference. */
const noise = 0.02;

const by = (rows, key) =>
  Map.groupBy?.(rows, key) ??
  rows.reduce((map, row) => map.set(key(row), [...(map.get(key(row)) ?? []), row]), new Map());
const measured = (rows) => rows.map((row) => ({ us: row.upstream, ds: row.accuracy, run: row.run }));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
const verdict = (seen) => (seen ? "seen" : "not seen");
const untestable = (claim, figure) => ({ claim, verdict: "not testable here", figure });

/** Laws by task and shots, of tasks with enough models. */
function lawsOf(rows) {
  return [...by(rows, ({ task, shots }) => `${task}\n${shots}`)].flatMap(([, some]) => {
    const found = measured(some);
    if (new Set(found.map(({ us }) => us)).size < 8) return [];
    const sorted = found.map(({ us }) => us).sort((a, b) => a - b);
    const cut = sorted[Math.floor(0.7 * (sorted.length - 1))];
    return [
      { task: some[0].task, shots: some[0].shots, ...transferLimits(found), ahead: heldOut(found, cut), rows: some },
    ];
  });
}

function saturation(laws) {
  const claim = "1. Accuracy downstream saturates below 100 %, at a level that depends on the task";
  const tested = laws.filter(({ task, shots, interval }) => task !== near && shots === 25 && interval);
  if (tested.length < 2) return untestable(claim, "too few models for intervals");
  const below = tested.filter(({ interval }) => interval[1] < 0.99);
  const levels = tested.map(({ saturation }) => saturation);
  const apart = Math.max(...levels) - Math.min(...levels);
  const told = tested.map(
    ({ task, saturation, interval }) =>
      `${task} ${percent(saturation)} (${percent(interval[0])} to ${percent(interval[1])})`,
  );
  return {
    claim,
    verdict: verdict(below.length > tested.length / 2 && apart > 2 * noise),
    figure: `25 shots: ${told.join(", ")}`,
  };
}

function shotsMove(laws) {
  const claim = "2. More shots lower what remains of the error";
  const tasks = [
    ...by(
      laws.filter(({ task }) => task !== near),
      ({ task }) => task,
    ),
  ].filter(([, some]) => some.length === 3);
  if (tasks.length === 0) return untestable(claim, "no task has a law for 1, 5 and 25 shots");
  const falls = tasks.filter(([, some]) => {
    const [one, five, many] = [1, 5, 25].map((shots) => some.find((law) => law.shots === shots).law.irreducible);
    return one > five && five > many;
  });
  const told = tasks.map(([task, some]) => `${task} ${some.map(({ law }) => law.irreducible.toFixed(2)).join(" → ")}`);
  return {
    claim,
    verdict: verdict(falls.length > tasks.length / 2),
    figure: `falls in ${falls.length} of ${tasks.length} tasks (1, 5, 25 shots): ${told.join(", ")}`,
  };
}

function hullPredicts(laws) {
  const claim = "3. A law fitted to the hull predicts better models about ten times better than one fitted to all";
  const tested = laws.flatMap(({ ahead }) => (ahead ? [ahead] : []));
  if (tested.length < 3) return untestable(claim, "too few models above the weaker 70 %");
  const ratios = tested.map(({ hull, allPoints }) => allPoints / Math.max(hull, 1e-4));
  const better = ratios.filter((ratio) => ratio > 1).length;
  const middle = median(ratios);
  return {
    claim,
    verdict: verdict(middle >= 5),
    figure: `better in ${better} of ${tested.length} cases, median ratio ${middle.toFixed(1)}`,
  };
}

function oneCurve(laws) {
  const claim = "4. Size, data and epochs act on accuracy downstream through accuracy upstream: one curve";
  const tested = laws.filter(({ shots, task }) => shots === 25 && task !== near);
  if (tested.length === 0) return untestable(claim, "too few models");
  const shares = tested.map(({ rows, allPoints }) => {
    const rest = rows.map(({ upstream, accuracy }) => accuracy - predicted(allPoints, upstream));
    return [rows[0].task, spreadOf(rest).sd / spreadOf(rows.map(({ accuracy }) => accuracy)).sd];
  });
  const told = shares.map(([task, share]) => `${task} ${share.toFixed(2)}`).join(", ");
  return {
    claim,
    verdict: verdict(meanOf(shares.map(([, share]) => share)) < 0.3),
    figure: `spread around the curve as a share of all spread: ${told}`,
  };
}

function noBestModel(rows) {
  const claim = "5. No model is best for all tasks";
  const last = rows.filter(
    ({ shots, task, checkpoint, epochs }) => shots === 25 && task !== near && checkpoint === epochs,
  );
  const tasks = [...by(last, ({ task }) => task)];
  const best = tasks.map(([task, some]) => [task, some.reduce((a, b) => (b.accuracy > a.accuracy ? b : a))]);
  if (best.length < 2 || tasks[0][1].length < 4) return untestable(claim, "too few models");
  // What the best model of one task loses on another.
  const lost = tasks.flatMap(([task, some]) =>
    best
      .filter(([other]) => other !== task)
      .map(
        ([, { id }]) =>
          best.find(([name]) => name === task)[1].accuracy -
          (some.find((row) => row.id === id)?.accuracy ?? Number.NaN),
      ),
  );
  const regret = meanOf(lost.filter(Number.isFinite));
  const models = new Set(best.map(([, { id }]) => id)).size;
  return {
    claim,
    verdict: verdict(models > 1 && regret > noise),
    figure: `${models} models are best at ${best.length} tasks; choosing by another task loses ${(100 * regret).toFixed(1)} points in the mean`,
  };
}

function lowerLayers(rows) {
  const claim = "6. Tasks that saturate early are served best by a lower layer";
  const layers = rows.filter(({ probe }) => probe === "layer");
  const far = layers.filter(({ task }) => ["notmnist", "fashion10", "fashion5"].includes(task));
  const runs = [...by(far, ({ task, run }) => `${task}\n${run}`)];
  if (runs.length < 6) return untestable(claim, "too few models");
  const below = runs.filter(([, some]) => {
    const top = some.reduce((a, b) => (b.depth > a.depth ? b : a));
    return Math.max(...some.map(({ accuracy }) => accuracy)) - top.accuracy > noise;
  });
  const families = [...by(far, ({ family, task }) => `${family} ${task}`)].map(([name, some]) => {
    const means = [...by(some, ({ depth }) => depth)].map(([depth, at]) => [
      depth,
      meanOf(at.map(({ accuracy }) => accuracy)),
    ]);
    const [depth] = means.reduce((a, b) => (b[1] > a[1] ? b : a));
    return `${name} layer ${depth} of ${Math.max(...means.map(([d]) => d))}`;
  });
  return {
    claim,
    verdict: verdict(below.length > runs.length / 2),
    figure: `a lower layer is better by over ${100 * noise} points in ${below.length} of ${runs.length} models and far tasks; best in the mean: ${families.join(", ")}`,
  };
}

function headDecay(rows) {
  const claim = "7. More weight decay of the pre-training head lowers accuracy upstream and raises it downstream";
  const runs = [
    ...by(
      rows.filter(({ shots }) => shots === 25),
      ({ headDecay }) => headDecay,
    ),
  ].sort(([a], [b]) => a - b);
  if (runs.length < 2) return untestable(claim, "one weight decay");
  const told = runs.map(([decay, some]) => ({
    decay,
    us: some[0].upstream,
    ds: meanOf(some.map(({ accuracy }) => accuracy)),
  }));
  const figure = told
    .map(({ decay, us, ds }) => `${decay}: upstream ${percent(us)}, downstream ${percent(ds)}`)
    .join("; ");
  const [base] = told;
  if (base.us < 0.6) return untestable(claim, `training is too short for it: ${figure}`);
  const odds = told.some(({ us, ds }) => us < base.us - noise && ds > base.ds + noise / 2);
  return { claim, verdict: verdict(odds), figure };
}

function nearAndFar(laws) {
  const claim =
    "8. What remains of the error is larger for far tasks (notMNIST, Fashion) than for near ones (digits), and the nearest one keeps rising";
  const at = (task) => laws.find((law) => law.task === task && law.shots === 25)?.law.irreducible;
  const far = ["notmnist", "fashion10", "fashion5"].map(at);
  const digits = ["mnist", "kannada", "dig-mnist"].map(at);
  if ([...far, ...digits].some((value) => value === undefined)) return untestable(claim, "a task has no law");
  const rising = laws.find(({ task }) => task === near);
  const steep =
    rising &&
    rankCorrelation(
      rising.rows.map(({ upstream }) => upstream),
      rising.rows.map(({ accuracy }) => accuracy),
    );
  const told = ["notmnist", "fashion10", "fashion5", "dig-mnist", "kannada", "mnist"].map(
    (task) => `${task} ${at(task).toFixed(2)}`,
  );
  return {
    claim,
    verdict: verdict(Math.min(...far) > Math.max(...digits) && (steep ?? 0) > 0.8),
    figure: `${told.join(", ")}; the one-shot tasks' correlation with upstream ${steep === undefined ? "–" : steep.toFixed(2)}`,
  };
}

/** @param rows every row of the study */
export function claims(rows) {
  const probes = rows.filter(({ stage }) => stage === "fewshot");
  const last = probes.filter(({ probe }) => probe === "last");
  const laws = lawsOf(last);
  return [
    ...[saturation(laws), shotsMove(laws), hullPredicts(laws), oneCurve(laws), noBestModel(last), lowerLayers(probes)],
    headDecay(rows.filter(({ stage, probe }) => stage === "headshot" && probe === "last")),
    nearAndFar(laws),
    untestable(
      "9. The same holds for 10 million to 10 billion parameters, pre-trained on 14 and 303 million pictures",
      "models here have 6 thousand to 0.6 million, pre-trained on 13.5 thousand",
    ),
  ];
}
