/** What a tuned model is worth on rows that it has not seen, asked as anybody asks it. */
import { openEncoder, openTextModel } from "../../dist/index.js";
import { bleu, bleuCounts, rougeL, rougeN } from "../../dist/text/metrics/text-metrics.js";

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** A text or pair with at most `longest` tokens, cut as the tuning cuts: at the end, and the closing token stays. */
function fitted(tokenizer, { text, text_pair: pair }, longest) {
  const { ids, offsets } = tokenizer.encode(text, pair === undefined ? {} : { pair });
  if (ids.length <= longest) return pair === undefined ? text : [text, pair];
  const [, end] = offsets[longest - 2];
  return pair === undefined ? text.slice(0, end) : [text, pair.slice(0, end)];
}

/** The words whose pieces fit, besides the two special tokens. */
function fittedWords(tokenizer, { tokens, tags }, longest) {
  let left = longest - 2;
  const count = tokens.findIndex((word) => {
    left -= tokenizer.encode(word, { addSpecialTokens: false }).ids.length;
    return left < 0;
  });
  return count < 0 ? { tokens, tags } : { tokens: tokens.slice(0, count), tags: tags.slice(0, count) };
}

/** Stretches of IOB2 tags, a text each. */
function spansOf(tags) {
  const spans = [];
  let from = -1;
  for (let i = 0; i <= tags.length; i++) {
    const [prefix, label] = (tags[i] ?? "O").split(/-(.*)/s);
    const goes = from >= 0 && prefix === "I" && label === tags[from].slice(2);
    if (goes) continue;
    if (from >= 0) spans.push(`${tags[from].slice(2)} ${from} ${i}`);
    from = prefix === "O" ? -1 : i;
  }
  return spans;
}

/** Accuracy of classes, or F1 over stretches of tags that are right in place and kind. */
export async function judged(model, adapter, rows, { maxLength, threads }) {
  const opened = await openEncoder(model, { threads, adapter });
  const { encoder, tokenizer } = opened;
  try {
    if (rows[0].tags) {
      const cut = rows.map((row) => fittedWords(tokenizer, row, maxLength));
      const found = await encoder.tagAll(cut.map(({ tokens }) => tokens));
      let [right, predicted, wanted] = [0, 0, 0];
      for (const [i, { tags }] of cut.entries()) {
        const spans = found[i].spans.map(({ label, from, to }) => `${label} ${from} ${to}`);
        const gold = new Set(spansOf(tags));
        predicted += spans.length;
        wanted += gold.size;
        right += spans.filter((span) => gold.has(span)).length;
      }
      return {
        metric: "f1",
        value: predicted + wanted === 0 ? 0 : (2 * right) / (predicted + wanted),
        precision: predicted === 0 ? 0 : right / predicted,
        recall: wanted === 0 ? 0 : right / wanted,
      };
    }
    const found = await encoder.classifyAll(rows.map((row) => fitted(tokenizer, row, maxLength)));
    const right = found.filter(({ label }, i) => label === rows[i].label).length;
    const flat = new Set(found.map(({ label }) => label)).size === 1;
    return { metric: "accuracy", value: right / rows.length, ...(flat && { flat }) };
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

/** What the model writes, against all that people wrote: the best of the references for ROUGE, all of them for BLEU. */
export async function written(name, adapter, rows, { threads }) {
  const model = await openTextModel(name, { threads, adapter });
  const pairs = [];
  for (const { prompt, references } of rows) {
    const { text } = await model.generate(prompt, { maxNewTokens: 64 });
    pairs.push({ text: text.trim(), references });
  }
  await model[Symbol.asyncDispose]();
  const best = (score) =>
    100 * mean(pairs.map(({ text, references }) => Math.max(...references.map((one) => score(text, one)))));
  return {
    metric: "rougeL",
    value: best(rougeL) / 100,
    rouge1: best((a, b) => rougeN(a, b, 1)),
    rouge2: best((a, b) => rougeN(a, b, 2)),
    rougeL: best(rougeL),
    bleu: bleu(pairs.map(({ text, references }) => bleuCounts(text, references))),
    samples: pairs.slice(0, 3).map(({ text }) => text),
  };
}
