/** The tasks of the experiment: what of which public files is learnt from, chosen by and judged on. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const read = (data, name) =>
  gunzipSync(readFileSync(join(data, `${name}.jsonl.gz`)))
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A list in an order that follows from the seed alone (mulberry32, Fisher and Yates). */
function shuffled(list, seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** At most `count` rows of every label, in the order of the list. */
function perLabel(rows, count) {
  const seen = new Map();
  return rows.filter(({ label }) => {
    const n = (seen.get(label) ?? 0) + 1;
    seen.set(label, n);
    return n <= count;
  });
}

const cut = (rows, seed, count) => shuffled(rows, seed).slice(0, count);

/** Rows that were learnt from in the official split give the validation rows where there are none of their own. */
function parted(rows, held, train) {
  const order = shuffled(rows, 17);
  return { validation: order.slice(0, held), train: order.slice(held, held + train) };
}

const pair = (a, b) => (row) => ({ text: row[a], text_pair: row[b], label: String(row.label) });

/** The meaning representations of E2E with all sentences that people wrote for each. */
function grouped(rows) {
  const groups = new Map();
  for (const { meaning_representation: prompt, human_reference: target } of rows) {
    groups.set(prompt, [...(groups.get(prompt) ?? []), target]);
  }
  return [...groups].map(([prompt, references]) => ({ prompt, references }));
}

/**
 * A task: `rows(data, sizes)` gives train, validation and test; `sizes` are those of the short experiment, `whole` those
 * of the whole one. `steps`, `n`, `batch` and `maxLength` go to the tuning.
 */
export const tasks = {
  clinc150: {
    metric: "accuracy",
    sizes: { intents: 30, perIntent: 20, validation: 200, test: 600, steps: 150, n: 8 },
    whole: { intents: 150, perIntent: 100, validation: 3000, test: 4500, steps: 4700, n: 20 },
    batch: 32,
    maxLength: 64,
    rows(data, { intents, perIntent, validation, test }) {
      const all = (part) => read(data, `train/clinc150.${part}`).map(({ text, intent }) => ({ text, label: intent }));
      const known = new Set(
        shuffled([...new Set(all("train").map(({ label }) => label))].sort(), 17).slice(0, intents),
      );
      const of = (part) => all(part).filter(({ label }) => known.has(label));
      return {
        train: perLabel(shuffled(of("train"), 17), perIntent),
        validation: cut(of("validation"), 17, validation),
        test: cut(of("test"), 17, test),
      };
    },
  },
  wikigold: {
    metric: "span F1",
    sizes: { train: 1196, steps: 110, n: 20 },
    whole: { train: 1196, steps: 760, n: 20 },
    batch: 16,
    maxLength: 64,
    rows(data, { train }) {
      const of = (part) => read(data, `ner/wikigold.${part}`).map(({ tokens, tags }) => ({ tokens, tags }));
      return { train: cut(of("train"), 17, train), validation: of("validation"), test: of("test") };
    },
  },
  rte: {
    metric: "accuracy",
    sizes: { held: 150, train: 2340, steps: 100, n: 20 },
    whole: { held: 250, train: 2240, steps: 1400, n: 20 },
    batch: 8,
    maxLength: 128,
    rows(data, { held, train }) {
      const of = (part) => read(data, `heldout/superglue/rte.${part}`).map(pair("premise", "hypothesis"));
      return { ...parted(of("train"), held, train), test: of("validation") };
    },
  },
  cb: {
    metric: "accuracy",
    sizes: { held: 50, train: 200, steps: 75, n: 20 },
    whole: { held: 50, train: 200, steps: 500, n: 20 },
    batch: 8,
    maxLength: 128,
    rows(data, { held, train }) {
      const of = (part) => read(data, `heldout/superglue/cb.${part}`).map(pair("premise", "hypothesis"));
      return { ...parted(of("train"), held, train), test: of("validation") };
    },
  },
  boolq: {
    metric: "accuracy",
    sizes: { held: 150, train: 2000, test: 300, steps: 60, n: 20 },
    whole: { held: 500, train: 8900, test: 3270, steps: 5600, n: 20 },
    batch: 8,
    maxLength: 128,
    rows(data, { held, train, test }) {
      const of = (part) => read(data, `heldout/superglue/boolq.${part}`).map(pair("question", "passage"));
      return { ...parted(of("train"), held, train), test: cut(of("validation"), 17, test) };
    },
  },
  e2e: {
    metric: "ROUGE-L",
    sizes: { held: 20, train: 300, test: 30, steps: 75, n: 20 },
    whole: { held: 100, train: 4500, test: 630, steps: 1400, n: 20 },
    batch: 4,
    maxLength: 128,
    rows(data, { held, train, test }) {
      const { validation, train: learnt } = parted(grouped(read(data, "train/e2e_nlg.train")), held, Infinity);
      const written = (groups) =>
        groups.flatMap(({ prompt, references }) => references.map((target) => ({ prompt, target })));
      return {
        train: cut(written(learnt), 17, train),
        validation: validation.map(({ prompt, references }) => ({ prompt, target: references[0] })),
        test: cut(grouped(read(data, "train/e2e_nlg.test")), 17, test),
      };
    },
  },
};

/** Write a task's rows as files that a person would have, and give their paths. */
export function filesOf(name, data, folder, sizes) {
  mkdirSync(folder, { recursive: true });
  const parts = tasks[name].rows(data, sizes);
  return Object.fromEntries(
    Object.entries(parts).map(([part, rows]) => {
      const file = join(folder, `${name}.${part}.jsonl`);
      writeFileSync(file, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
      return [part, { file, rows }];
    }),
  );
}
