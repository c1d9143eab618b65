/**
 * Tiny folders of sentence-transformers and of heads, opened as a person opens them, against what sentence-transformers
 * and transformers make of the same texts (parity/readers.py).
 */

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectClose, fixtures, readJson } from "../../../test/support/fixtures.ts";
import { fittingText } from "../heads/fit.ts";
import { openEncoder } from "../open-node.ts";
import type { EmbedJob } from "./encoding-model.ts";

const open = (name: string) => openEncoder(join(fixtures, "readers", name), { threads: 1 });

interface Vectors {
  texts: string[];
  cases: { options: EmbedJob; vectors: number[][] }[];
}

describe.each(["mean", "joined", "dense", "below", "prompts", "decoder"])("vectors of %s", (name) => {
  const { texts, cases } = readJson<Vectors>(`readers/${name}`, "expected.json");

  test.each(cases)("$options", async ({ options, vectors }) => {
    await using opened = await open(name);
    const together = await opened.encoder.embedAll(texts, options);
    for (const [i, text] of texts.entries()) {
      expectClose(together[i] as Float32Array, vectors[i]!, 1e-5, `${text} among others`);
      expectClose(await opened.encoder.embed(text, options), vectors[i]!, 1e-5, `${text} alone`);
    }
  });
});

test("a word in the place of words: tags, their first tokens' logits, and stretches", async () => {
  for (const name of ["tags", "byte-tags"]) {
    const { rows } = readJson<{ rows: { tokens: string[]; tags: string[]; logits: number[][] }[] }>(
      `readers/${name}`,
      "expected.json",
    );
    await using opened = await open(name);
    const found = await opened.encoder.tagAll!(rows.map(({ tokens }) => tokens));
    for (const [i, row] of rows.entries()) {
      const tagged = found[i]!;
      if (tagged instanceof Error) throw tagged;
      expect(tagged.words.map(({ label }) => label)).toEqual(row.tags);
      expectClose(
        tagged.words.flatMap(({ logits }) => logits),
        row.logits.flat(),
        1e-4,
        `${name} ${i}`,
      );
    }
  }
});

test("a text that is too long is refused, or read in its beginning where that is asked for", async () => {
  await using opened = await open("mean");
  const { encoder, tokenizer, model } = opened;
  const longest = Math.min(encoder.embedding.longest ?? Number.POSITIVE_INFINITY, model.longest!);
  const text = "the mill was built ".repeat(longest);
  await expect(encoder.embed(text)).rejects.toMatchObject({ code: "too_long" });
  const part = fittingText(tokenizer, longest, text);
  expect(tokenizer.encode(part).ids.length).toBe(longest);
  expect(text.startsWith(part)).toBe(true);
  const wanted = await encoder.embed(part);
  expectClose(await encoder.embed(text, { truncate: true }), [...wanted], 1e-6, "its beginning");
  const short = "the mill";
  expect(fittingText(tokenizer, longest, short)).toBe(short);
});

test("answers, in windows where the passage is longer than the model reads", async () => {
  interface Row {
    question: string;
    context: string;
    windows: number;
    answer: string;
    start: number;
    end: number;
    score: number;
    no_answer_score: number;
  }
  const { rows } = readJson<{ rows: Row[] }>("readers/answers", "expected.json");
  expect(Math.max(...rows.map(({ windows }) => windows))).toBeGreaterThan(4);
  await using opened = await open("answers");
  const found = await opened.encoder.answerAll!(rows);
  const sure = await opened.encoder.answerAll!(rows, { unanswerable: true });
  for (const [i, row] of rows.entries()) {
    const answer = found[i]!;
    if (answer instanceof Error) throw answer;
    expect([answer.text, answer.start, answer.end]).toEqual([row.answer, row.start, row.end]);
    expectClose([answer.score, answer.noAnswer], [row.score, row.no_answer_score], 1e-4, "scores");
    expect(sure[i]).toMatchObject(
      row.no_answer_score > row.score ? { text: "", start: 0, end: 0 } : { text: row.answer },
    );
  }
});

test("hidden words", async () => {
  interface Row {
    text: string;
    masks: { token: number; piece: string; probability: number }[][];
  }
  const { rows } = readJson<{ rows: Row[] }>("readers/masked", "expected.json");
  await using opened = await open("masked");
  const found = await opened.encoder.fillAll!(
    rows.map(({ text }) => text),
    { count: 3 },
  );
  for (const [i, { text, masks }] of rows.entries()) {
    const filled = found[i]!;
    if (filled instanceof Error) throw filled;
    expect(filled.masks.map((words) => words.map(({ piece }) => piece))).toEqual(
      masks.map((words) => words.map(({ piece }) => piece)),
    );
    expectClose(
      filled.masks.flat().map(({ probability }) => probability),
      masks.flat().map(({ probability }) => probability),
      1e-5,
      text,
    );
    const words = masks.map(([best]) => best!.piece.replace("##", ""));
    expect(filled.text).toBe(words.reduce((left, word) => left.replace("[MASK]", word), text));
  }
});

test("classes by a decoder's last token, alone and among others", async () => {
  interface Row {
    text: string;
    text_pair?: string;
    logits: number[];
  }
  const { rows } = readJson<{ rows: Row[] }>("readers/decoder-classes", "expected.json");
  await using opened = await open("decoder-classes");
  const texts = rows.map(({ text, text_pair }) => (text_pair === undefined ? text : ([text, text_pair] as const)));
  const found = await opened.encoder.classifyAll!(texts);
  for (const [i, { logits }] of rows.entries()) {
    const classified = found[i]!;
    if (classified instanceof Error) throw classified;
    expectClose(classified.logits, logits, 1e-4, `row ${i} among others`);
    expectClose((await opened.encoder.classify!(texts[i]!)).logits, logits, 1e-4, `row ${i} alone`);
    expect(classified.label).toBe(["cold", "mild", "warm"][logits.indexOf(Math.max(...logits))]);
  }
});
