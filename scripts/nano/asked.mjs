/**
 * A model on the hundred everyday questions of questions.jsonl, which were written before the model that they judge was
 * trained to its end, and are used for nothing else. Choices are ranked by log-likelihood; where there are none, what the
 * model writes must be the answer, but for case, an article and a full stop.
 * node scripts/nano/asked.mjs --model DIR [--show]
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openModel } from "../../dist/text/open-node.js";

const { values: options } = parseArgs({
  options: { model: { type: "string" }, show: { type: "boolean", default: false } },
});
if (!options.model) {
  console.error("usage: node scripts/nano/asked.mjs --model DIR [--show]");
  process.exit(2);
}
const questions = readFileSync(new URL("questions.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const { text, ...model } = await openModel(options.model, { threads: 2 });
const plain = (answer) =>
  answer
    .trim()
    .toLowerCase()
    .replace(/^(the|a|an) /, "")
    .replace(/\.$/, "");
const count = { choices: 0, right: 0, free: 0, found: 0 };
for (const { ask, choices, answer } of questions) {
  let given;
  if (choices) {
    const { best } = await text.score(ask, choices, { promptEnd: true });
    given = choices[best];
    count.choices++;
    if (given === answer) count.right++;
  } else {
    given = (await text.generate(ask, { promptEnd: true, maxNewTokens: 16 })).text;
    count.free++;
    if (plain(given) === plain(answer)) count.found++;
  }
  if (options.show && plain(given) !== plain(answer)) console.log(`${ask}\n  ${given}, not ${answer}`);
}
await model[Symbol.asyncDispose]();
console.log(`among choices ${count.right} of ${count.choices}, written ${count.found} of ${count.free}`);
console.log(`${count.right + count.found} of ${questions.length}`);
