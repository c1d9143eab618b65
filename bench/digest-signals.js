/**
 * How well the signals of a digest find papers that mattered (docs/digest-results.md): percentiles within their month of
 * papers that are named. npm run build, then
 * node bench/digest-signals.js STORE FROM UNTIL ID... (a store of `zeroth digest ingest`, months as 2013-01 and 2018-06)
 */

import { textOf } from "../dist/digest/select/choose-node.js";
import { noveltyOf, percentiles, signalsOf } from "../dist/digest/select/signals.js";
import { tfidf } from "../dist/digest/select/tfidf.js";
import { functionWords } from "../dist/digest/select/words.js";
import { openStore } from "../dist/digest/store/store-node.js";

const [path, from, until, ...landmarks] = process.argv.slice(2);
const store = openStore(path);
const papers = store.papers("1990-01", "2100-12", "all");
store.close();
const { rows, terms } = tfidf(papers.map(textOf), { without: functionWords });
const all = {
  rows,
  width: terms.length,
  days: papers.map((paper) => Math.floor(Date.parse(paper.submitted) / 86_400_000)),
};
const targets = papers.flatMap(({ submitted }, i) =>
  submitted.slice(0, 7) >= from && submitted.slice(0, 7) <= until ? [i] : [],
);
const short = signalsOf(all, targets, { known: Infinity });
const long = signalsOf(all, targets, { ahead: 365, known: Infinity });
const named = ({ venue }) => (venue && venue.state !== "submitted" ? 1 : 0);

const months = new Map();
for (const [at, i] of targets.entries()) {
  const month = papers[i].submitted.slice(0, 7);
  months.set(month, [...(months.get(month) ?? []), at]);
}
/** Percentiles within the month. */
function within(values) {
  const result = new Array(values.length).fill(0.5);
  for (const places of months.values())
    for (const [k, one] of percentiles(places.map((at) => values[at])).entries()) result[places[k]] = one ?? 0.5;
  return result;
}
const momentum = within(short.map((one) => one.momentum));
const venue = within(targets.map((i) => named(papers[i])));
const resonance = within(short.map((one) => one.resonance));
const signals = {
  novelty: within(noveltyOf(all, targets)),
  momentum,
  venue,
  authors: within(targets.map((i) => papers[i].authors.length)),
  "momentum + venue": within(momentum.map((one, at) => one + venue[at])),
  "resonance 60": resonance,
  "resonance 60 + venue / 2": within(resonance.map((one, at) => one + venue[at] / 2)),
  "resonance 365": within(long.map((one) => one.resonance)),
};
const places = landmarks.flatMap((id) => {
  const at = targets.findIndex((i) => papers[i].id === id);
  return at < 0 ? [] : [at];
});
console.log(`${targets.length} papers, ${places.length} of ${landmarks.length} named ones among them`);
for (const [name, values] of Object.entries(signals)) {
  const own = places.map((at) => values[at]);
  const mean = own.reduce((sum, one) => sum + one, 0) / own.length;
  console.log(
    `${name.padEnd(26)}${mean.toFixed(2)}  ${(own.filter((one) => one >= 0.8).length / own.length).toFixed(2)}`,
  );
}
