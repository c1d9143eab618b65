/**
 * What a model can do, for its card: trained wordings and wordings never trained of the sets it learned from, and the
 * tasks it never saw. Every figure stands beside chance and the commonest answer.
 * node scripts/nano/evaluate.mjs --model DIR --data DIR [--heldout DIR/text/heldout] [--limit 300]
 * [--rows 5000] [--json FILE]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openModel } from "../../dist/text/open-node.js";
import { mean } from "../../dist/zeroshot/statistics.js";
import { consistency, onHeldOut, onSets, percent, short } from "./accuracy.mjs";
import { sets } from "./sets.mjs";

const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    heldout: { type: "string" },
    limit: { type: "string", default: "300" },
    rows: { type: "string", default: "5000" },
    threads: { type: "string", default: "2" },
    json: { type: "string" },
  },
});
if (!options.model || !options.data) {
  console.error("usage: node scripts/nano/evaluate.mjs --model DIR --data DIR [--heldout DIR] [--limit 300]");
  process.exit(2);
}
const limit = Number(options.limit);
const model = await openModel(options.model, { threads: Number(options.threads) });
const held = (name, wording) => sets[name].held.includes(wording);
const found = {
  "wordings that were trained": await onSets(model, sets, options.data, limit, (name, all) =>
    all.filter((wording) => !held(name, wording)),
  ),
  "wordings never trained": await onSets(model, sets, options.data, limit, (name, all) =>
    all.filter((wording) => held(name, wording)),
  ),
  ...(options.heldout && { "tasks never trained": await onHeldOut(model, options.heldout, Number(options.rows)) }),
};
await model[Symbol.asyncDispose]();
for (const [title, results] of Object.entries(found)) {
  const average = (key) => percent(mean(Object.values(results).map((result) => result[key])));
  console.log(title);
  console.table(Object.fromEntries(Object.entries(results).map(([name, result]) => [name, short(result)])));
  const total = (key) => Object.values(results).reduce((sum, result) => sum + result[key], 0);
  const perplexity = Math.exp(total("surprise") / total("tokens")).toFixed(3);
  console.log(
    `mean: ${average("value")}, chance ${average("chance")}, majority ${average("majority")}; perplexity of the right answers ${perplexity}, ${total("tokens")} tokens\n`,
  );
}
const names = Object.keys(found["wordings never trained"]);
const alike = Object.fromEntries(
  names.flatMap((name) => {
    const groups = [found["wordings never trained"][name], found["wordings that were trained"][name]];
    const same = consistency(...groups.filter((group) => group !== undefined));
    return same ? [[name, same]] : [];
  }),
);
console.log("the same row under up to five wordings, those never trained first");
console.table(
  Object.fromEntries(
    Object.entries(alike).map(([name, { wordings, always, alike: same }]) => [
      name,
      { wordings, "right under all": percent(always), "judged alike by all": percent(same) },
    ]),
  ),
);
const averages = ["always", "alike"].map((key) => percent(mean(Object.values(alike).map((row) => row[key]))));
console.log(`mean: right under all ${averages[0]}, judged alike by all ${averages[1]}`);
const above = Object.values(found["wordings never trained"]).filter(
  ({ wordings, chance }) => Math.min(...Object.values(wordings)) > chance,
);
console.log(`worst wording never trained above chance: ${above.length} of ${names.length} sets`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(found, null, 1)}\n`);
