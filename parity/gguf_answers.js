/**
 * A GGUF file's answers beside those of gguf_answers.py: ids of the prompts, greedy answers in the exact form, and how
 * far the form with int8 activations is from it (KL divergence of the next token, along the reference's answers).
 *
 *     node parity/gguf_answers.js answers.json MODEL.gguf
 */
import { readFileSync } from "node:fs";
import { openLanguageModel } from "../dist/text/open-node.js";

const [answers, file] = process.argv.slice(2);
const rows = JSON.parse(readFileSync(answers, "utf8"));

function logProbabilities(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const total = logits.reduce((sum, z) => sum + Math.exp(z - most), 0);
  return logits.map((z) => z - most - Math.log(total));
}

/** Log-probabilities of the next token at every place of an answer. */
async function along(opened, ids, answer) {
  const decoding = (await opened.model.read([ids])).begin(1, answer.length);
  const found = [];
  for (let i = 0; i < answer.length; i++) {
    const { logits } = await decoding.step(i === 0 ? undefined : [answer[i - 1]]);
    found.push(logProbabilities(Float64Array.from(logits.data)));
  }
  return found;
}

const likeliest = (p) => p.reduce((best, value, token) => (value > p[best] ? token : best), 0);

const common = (a, b) => {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
};

const greedy = {};
const places = {};
for (const activations of ["fp32", "int8"]) {
  const started = performance.now();
  const opened = await openLanguageModel(file, { activations });
  console.log(`${activations}: opened in ${(performance.now() - started).toFixed(0)} ms`);
  greedy[activations] = [];
  places[activations] = [];
  for (const { text, ids, answer } of rows) {
    const own = opened.tokenizer.encode(text, { addSpecialTokens: opened.folder.chatTemplate === undefined }).ids;
    if (own.join() !== ids.join()) console.log(`prompt ${JSON.stringify(text)}: other ids`);
    greedy[activations].push((await opened.text.generate(ids, { maxNewTokens: 64 })).tokens);
    places[activations].push(await along(opened, ids, answer));
  }
  await opened[Symbol.asyncDispose]();
}
let [equal, divergence, count, agree] = [0, 0, 0, 0];
for (const [i, { prompt, answer, smallest_margin: margin }] of rows.entries()) {
  const [exact, fast] = [greedy.fp32[i], greedy.int8[i]];
  const same = exact.join() === answer.join();
  equal += same ? 1 : 0;
  let own = 0;
  for (const [k, p] of places.fp32[i].entries()) {
    const q = places.int8[i][k];
    const kl = p.reduce((sum, lp, token) => sum + Math.exp(lp) * (lp - q[token]), 0);
    own += kl;
    agree += likeliest(p) === likeliest(q) ? 1 : 0;
  }
  divergence += own;
  count += answer.length;
  console.log(
    `${same ? "equal" : `differs after ${common(exact, answer)}`} (${answer.length} ids, smallest margin ${margin.toFixed(4)}); ` +
      `int8: ${common(fast, answer)} equal at first, KL ${(own / answer.length).toFixed(4)}; ${prompt}`,
  );
}
console.log(
  `${equal} of ${rows.length} answers equal; int8 activations: mean KL ${(divergence / count).toFixed(4)}, ` +
    `the likeliest token is the same at ${agree} of ${count} places`,
);
