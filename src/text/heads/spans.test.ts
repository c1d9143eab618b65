import { expect, test } from "vitest";
import { spansOf } from "./spans.ts";
import { wordsOf } from "./words.ts";

const spans = (tags: string, labels = ["O", "B-PER"]) =>
  spansOf(
    tags.split(" ").map((tag) => (tag === "-" ? null : tag)),
    labels,
  ).map(({ label, from, to }) => `${label} ${from}-${to}`);

test.each([
  ["O B-PER I-PER O B-LOC", ["PER 1-3", "LOC 4-5"]],
  ["B-PER B-PER I-PER", ["PER 0-1", "PER 1-3"]],
  // What seqeval's default forgives: a stretch that begins with I-, and one that changes its class.
  ["O I-PER I-PER I-LOC", ["PER 1-3", "LOC 3-4"]],
  ["B-PER I-LOC", ["PER 0-1", "LOC 1-2"]],
  ["S-PER S-PER B-LOC I-LOC E-LOC I-LOC", ["PER 0-1", "PER 1-2", "LOC 2-5", "LOC 5-6"]],
  ["U-PER B-LOC L-LOC O", ["PER 0-1", "LOC 1-3"]],
  ["PER PER O LOC", ["PER 0-2", "LOC 3-4"]],
  ["B-PER - I-PER", ["PER 0-1", "PER 2-3"]],
  ["O O", []],
])("%s", (tags, expected) => {
  expect(spans(tags)).toEqual(expected);
});

test("where every word has a class of its own nothing is joined", () => {
  expect(spans("NOUN NOUN VERB", ["NOUN", "VERB"])).toEqual([]);
});

test("words of a text, with their places", () => {
  const words = (text: string) => wordsOf(text).map(({ text: word, start }) => `${word}@${start}`);
  expect(words("Ada  can't (now).")).toEqual(["Ada@0", "can@5", "'@8", "t@9", "(@11", "now@12", ")@15", ".@16"]);
  expect(words("\u{1f642} e\u0301t\u00e9 北京 3.5")).toEqual([
    "\u{1f642}@0",
    "e\u0301t\u00e9@3",
    "北@8",
    "京@9",
    "3@11",
    ".@12",
    "5@13",
  ]);
  expect(words(" \n")).toEqual([]);
});
