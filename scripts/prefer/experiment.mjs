/**
 * What a reward model learns of a judge it has not seen the books of. The judge is synthetic: a summary's idf-weighted share
 * of the stems of a book's reference summary, by the root of its length, and every fifth of its choices is turned round.
 * Of every leaf of about 600 tokens random extracts are drawn; a reward model learns from pairs of them of all books but
 * one and judges that one. A line of JSON a seed and book goes to --results as it ends; the same command goes on.
 *
 *   node scripts/prefer/experiment.mjs --books FOLDER --model DIR --results FILE.jsonl [--seeds 5] [--layers 2]
 *     [--candidates 16] [--pairs 4] [--epochs 1] [--lr 1e-4] [--text none|leaf] [--threads 2] [--quick] [--report]
 *
 * FOLDER holds narrativeqa-summaries.jsonl and the books it names. --layers keeps the model's first layers alone. --quick is
 * a trial: three short books, one seed, 8 extracts. --report prints the table of what is there.
 */
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openReward, parseRewardOptions, planBook, ruleWriter, trainReward } from "../../dist/index.js";
import { contentStems } from "../../dist/summarize/trace/stems.js";

const { values: given } = parseArgs({
  options: {
    books: { type: "string" },
    model: { type: "string" },
    results: { type: "string" },
    seeds: { type: "string" },
    layers: { type: "string", default: "2" },
    candidates: { type: "string" },
    pairs: { type: "string", default: "4" },
    epochs: { type: "string", default: "1" },
    lr: { type: "string", default: "1e-4" },
    text: { type: "string", default: "none" },
    threads: { type: "string", default: "2" },
    quick: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});
for (const name of given.report ? ["results"] : ["books", "model", "results"]) {
  if (given[name]) continue;
  console.error(`--${name} is missing: see the head of scripts/prefer/experiment.mjs`);
  process.exit(2);
}
const seeds = Number(given.seeds ?? (given.quick ? 1 : 5));
const count = Number(given.candidates ?? (given.quick ? 8 : 16));
const pairsEach = Number(given.pairs);
const flipped = 0.2;
const sizes = [2, 4, 8, 16].filter((n) => n <= count);

/** Uniform in [0, 1), by mulberry32. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const hashOf = (text) =>
  [...text].reduce((hash, sign) => Math.imul(hash ^ sign.codePointAt(0), 0x01000193), 0x811c9dc5);
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

function shuffled(list, random) {
  const items = [...list];
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

/** Random sentences of a text in its order, within 128 tokens of 4.2 characters. */
function extract(text, random) {
  const sentences = text.replace(/\s+/g, " ").match(/[^.!?]+[.!?]+["'”’)]*\s*/g) ?? [text];
  const taken = [];
  let room = 128 * 4.2;
  for (const i of shuffled(sentences.keys(), random)) {
    if (sentences[i].length > room) continue;
    taken.push(i);
    room -= sentences[i].length;
  }
  return taken
    .sort((a, b) => a - b)
    .map((i) => sentences[i].trim())
    .join(" ");
}

/** Leaves of a book with their extracts, and what the judge thinks of each. */
async function leavesOf(file, reference) {
  const { book, tree } = await planBook(join(given.books, file), ruleWriter("lead"), { leafTokens: 600 });
  const texts = tree.nodes
    .filter(({ height }) => height === 0)
    .map(({ span }) => book.text.slice(span.start, span.end));
  const inLeaves = new Map();
  for (const text of texts)
    for (const stem of new Set(contentStems(text))) inLeaves.set(stem, (inLeaves.get(stem) ?? 0) + 1);
  const weight = (stem) => Math.log(1 + texts.length / ((inLeaves.get(stem) ?? 0) + 0.5));
  const wanted = new Set(contentStems(reference));
  const judge = (text) => {
    const found = new Set(contentStems(text).filter((stem) => wanted.has(stem)));
    const share = [...found].reduce((sum, stem) => sum + weight(stem), 0);
    return share / Math.sqrt(Math.max(1, text.split(/\s+/).length));
  };
  const random = randomOf(hashOf(file));
  return texts.flatMap((text) => {
    const extracts = new Set();
    for (let tries = 0; extracts.size < count && tries < 20 * count; tries++) extracts.add(extract(text, random));
    extracts.delete("");
    // A leaf of few sentences has too few different extracts.
    return extracts.size < count
      ? []
      : [{ text, candidates: [...extracts].map((one) => ({ text: one, score: judge(one) })) }];
  });
}

/** Pairs of a book as a seed draws them: which two, and what the judge says of them, turned round now and then. */
function pairsOf(book, seed) {
  const random = randomOf(hashOf(`${book.name} ${seed}`));
  return book.leaves.flatMap(({ text, candidates }, leaf) => {
    const order = shuffled(candidates, random);
    return Array.from({ length: pairsEach }, (_, i) => {
      const [a, b] = [order[2 * i], order[2 * i + 1]];
      const right = a.score >= b.score ? 0 : 1;
      const choice = random() < flipped ? 1 - right : right;
      return { leaf, text, pair: [a, b], right, choice, tie: a.score === b.score };
    });
  });
}

const inputOf = (text) => (given.text === "leaf" ? text : "");

/** The model's first layers as a folder of its own. */
function cutModel(work) {
  const folder = join(work, "start");
  // A folder that is a link would be copied as one, and what is written below would change the model itself.
  cpSync(realpathSync(given.model), folder, { recursive: true, dereference: true });
  if (lstatSync(folder).isSymbolicLink() || lstatSync(join(folder, "config.json")).isSymbolicLink())
    throw new Error(`${folder} is a link: nothing may be written through it`);
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  const layers = Math.min(Number(given.layers), config.num_hidden_layers);
  writeFileSync(path, JSON.stringify({ ...config, num_hidden_layers: layers }));
  return folder;
}

const settings = [given.model, given.layers, count, pairsEach, given.epochs, given.lr, given.text].join(" ");
const rowsIn = () =>
  existsSync(given.results)
    ? readFileSync(given.results, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];

/** The middle 95 of 100 means of as many books, drawn with repetition: books differ more than seeds do. */
function interval(rows, of) {
  const books = [...new Set(rows.map(({ book }) => book))];
  const byBook = books.map((book) => mean(rows.filter((row) => row.book === book).map(of)));
  const random = randomOf(1);
  const means = Array.from({ length: 4000 }, () =>
    mean(byBook.map(() => byBook[Math.floor(random() * byBook.length)])),
  );
  means.sort((a, b) => a - b);
  return [mean(byBook), means[100], means[3899]];
}

function report(rows) {
  const line = (name, of) => {
    const [value, low, high] = interval(rows, of);
    console.log(`${name.padEnd(28)} ${value.toFixed(3)}  (${low.toFixed(3)} to ${high.toFixed(3)})`);
  };
  console.log(
    `${rows.length} trainings: ${new Set(rows.map(({ book }) => book)).size} books, each left out; mean of books (95 of 100)`,
  );
  line("pairs as the judge chose", ({ accuracy }) => accuracy);
  line("pairs in their true order", ({ true_accuracy }) => true_accuracy);
  for (const n of sizes)
    if (rows.every(({ gains }) => n in gains)) line(`best of ${n}, gain in deviations`, ({ gains }) => gains[n]);
  line(`best of ${count} by the judge`, ({ oracle }) => oracle);
}

async function main() {
  const references = readFileSync(join(given.books, "narrativeqa-summaries.jsonl"), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const short = /cask|sleepy|peter-pan/;
  // The eighth reference, of the Adventures of Sherlock Holmes, is no summary of its book.
  const used = references.filter(
    ({ book_file }) => !book_file.includes("sherlock") && (!given.quick || short.test(book_file)),
  );
  const books = [];
  for (const { book_file: name, summary } of used) books.push({ name, leaves: await leavesOf(name, summary) });
  console.error(books.map(({ name, leaves }) => `${name}: ${leaves.length} leaves`).join("\n"));
  const work = mkdtempSync(join(tmpdir(), "zeroth-prefer-"));
  const model = cutModel(work);
  for (let seed = 0; seed < seeds; seed++) {
    for (const held of books) {
      if (rowsIn().some((row) => row.settings === settings && row.seed === seed && row.book === held.name)) continue;
      const began = performance.now();
      const rows = books
        .filter((book) => book !== held)
        .flatMap((book) =>
          pairsOf(book, seed).map(({ text, pair, choice, leaf }, i) => ({
            ...{ id: `${book.name}:${i}`, book: book.name, node: `h0.${leaf}`, text: inputOf(text), choice },
            candidates: pair.map((one) => ({ text: one.text })),
          })),
        );
      const data = join(work, "pairs.jsonl");
      writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      const out = join(work, `${seed}-${held.name}`);
      const options = { split: 0, seed, lr: Number(given.lr), epochs: Number(given.epochs), batch: 16, warmup: 10 };
      const { loss } = await trainReward(
        { model, data, out },
        parseRewardOptions({
          ...options,
          maxLength: given.text === "leaf" ? 512 : 192,
          threads: Number(given.threads),
        }),
      );
      const reward = await openReward(out, { threads: Number(given.threads) });
      const rewards = new Map();
      const gains = Object.fromEntries(sizes.map((n) => [n, []]));
      const oracle = [];
      for (const { text, candidates } of held.leaves) {
        const scores = await reward.score(
          inputOf(text),
          candidates.map((one) => one.text),
        );
        candidates.forEach((one, i) => {
          rewards.set(one, scores[i]);
        });
        const middle = mean(candidates.map(({ score }) => score));
        const deviation = Math.sqrt(mean(candidates.map(({ score }) => (score - middle) ** 2)));
        if (deviation === 0) continue;
        for (const n of sizes) {
          // All groups of n, one after another: less chance than in the first alone.
          for (let at = 0; at + n <= candidates.length; at += n) {
            const best = candidates.slice(at, at + n).reduce((a, b) => (rewards.get(b) > rewards.get(a) ? b : a));
            gains[n].push((best.score - middle) / deviation);
          }
        }
        oracle.push((Math.max(...candidates.map(({ score }) => score)) - middle) / deviation);
      }
      const judged = pairsOf(held, seed).filter(({ tie }) => !tie);
      const firstBetter = ({ pair: [a, b] }) => (rewards.get(a) >= rewards.get(b) ? 0 : 1);
      const row = {
        ...{ settings, seed, book: held.name, pairs: rows.length, judged: judged.length, loss },
        accuracy: mean(judged.map((one) => Number(firstBetter(one) === one.choice))),
        true_accuracy: mean(judged.map((one) => Number(firstBetter(one) === one.right))),
        gains: Object.fromEntries(sizes.map((n) => [n, mean(gains[n])])),
        oracle: mean(oracle),
        seconds: Number(((performance.now() - began) / 1000).toFixed(1)),
      };
      appendFileSync(given.results, `${JSON.stringify(row)}\n`);
      console.log(JSON.stringify(row));
      await reward[Symbol.asyncDispose]();
      rmSync(out, { recursive: true });
    }
  }
  rmSync(work, { recursive: true });
}

if (given.report) report(rowsIn());
else {
  await main();
  report(rowsIn().filter((row) => row.settings === settings));
}
