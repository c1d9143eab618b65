import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { DocumentText } from "../../media/documents/document.ts";
import { htmlDocument } from "../../media/documents/html.ts";
import { plainDocument } from "../../media/documents/plain.ts";
import { approximateStarts } from "../writers/rules.ts";
import { bookOf, normalText, placeInSource } from "./book.ts";
import { boundariesOf, cutCosts, isHeadingLine } from "./boundaries.ts";
import { type Decomposition, decompose } from "./decompose.ts";
import { sentencesOf } from "./sentences.ts";
import { faultsOfTree, rootOf, treeOf } from "./tree.ts";

const usual: Decomposition = { leafTokens: 60, most: 150, fits: () => true };

const sentence = (n: number) =>
  `The ${["keeper", "sailor", "miller", "weaver"][n % 4]} counted lamp number ${n} and wrote it down.`;
const paragraph = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => sentence(from + i)).join(" ");
const chapter = (n: number, paragraphs = 6) =>
  `CHAPTER ${n}. The night watch\n\n${Array.from({ length: paragraphs }, (_, i) => paragraph(n * 100 + i * 5, 3 + (i % 3))).join("\n\n")}`;
const novel = [1, 2, 3, 4].map((n) => chapter(n)).join("\n\n\n\n");

const treeFor = (text: string, options: Partial<Decomposition> = {}, document: DocumentText = plainDocument(text)) => {
  const book = bookOf(document, { keepAll: true });
  const found = decompose(book, approximateStarts, { ...usual, ...options });
  return { book, ...found };
};

describe("the tree of a book", () => {
  it("tiles the text, in order, every node under one parent", () => {
    for (const by of [undefined, "chapter"] as const) {
      const { tree, body } = treeFor(novel, { by });
      expect(faultsOfTree(tree, body)).toEqual([]);
      expect(tree.nodes.length).toBeGreaterThan(12);
    }
  });

  it("tells what is wrong with one that is not a tree", () => {
    const { tree, body } = treeFor(novel);
    const [first, ...rest] = tree.nodes;
    const moved = { ...first!, span: { ...first!.span, end: first!.span.end - 1 } };
    const faults = faultsOfTree(
      { ...tree, nodes: [moved, ...rest], byId: new Map(tree.byId).set(moved.id, moved) },
      body,
    );
    expect(faults.join()).toMatch(/h0\.1 does not begin.*do not tile/);
  });

  it("is the same for the same text and options, and another with another seed", () => {
    const spans = (options: Partial<Decomposition>) =>
      treeFor(novel, options).tree.nodes.map(({ id, span }) => [id, span.start, span.end]);
    expect(spans({})).toEqual(spans({}));
    expect(spans({ seed: 3, jitter: 0.3 })).toEqual(spans({ seed: 3, jitter: 0.3 }));
    expect(spans({ seed: 3, jitter: 0.3 })).not.toEqual(spans({}));
    expect(spans({ seed: 4, jitter: 0.3 })).not.toEqual(spans({ seed: 3, jitter: 0.3 }));
  });

  it("of any text keeps the invariants, and no leaf is longer than the model reads", () => {
    const word = fc.constantFrom(
      "sea",
      "Mr.",
      "I",
      "light!",
      "said.",
      "…",
      "é",
      "👩‍🚀",
      "東京。",
      "a".repeat(90),
      "***",
    );
    const gap = fc.constantFrom(" ", " ", " ", "\n", "\n\n", "\n\n\n\n", "\n\n* * *\n\n", "\n\nCHAPTER II\n\n");
    const text = fc.array(fc.tuple(word, gap), { minLength: 1, maxLength: 300 }).map((parts) => parts.flat().join(""));
    fc.assert(
      fc.property(text, fc.integer({ min: 8, max: 60 }), (source, leafTokens) => {
        const most = Math.ceil(leafTokens * 1.3);
        const { tree, body, book } = treeFor(source, { leafTokens, most });
        expect(faultsOfTree(tree, body)).toEqual([]);
        for (const { span, height } of tree.nodes) {
          if (height > 0) continue;
          expect(approximateStarts(book.text.slice(span.start, span.end)).length).toBeLessThanOrEqual(most + 2);
          expect(book.text.slice(span.start, span.end)).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("cuts at chapters before it cuts at paragraphs, and at sentences last", () => {
    const { tree } = treeFor(novel, { leafTokens: 150, most: 400 });
    const leaves = tree.nodes.filter(({ height }) => height === 0);
    expect(leaves.filter(({ cut }) => cut === "heading").length).toBe(4);
    expect(leaves.every(({ cut }) => cut === "heading" || cut === "paragraph")).toBe(true);
  });

  it("falls back to sentences, words and single characters where there is nothing else", () => {
    const cutsOf = (text: string) =>
      new Set(treeFor(text, { leafTokens: 30, most: 40 }).tree.nodes.flatMap(({ cut }) => cut ?? []));
    expect(cutsOf(paragraph(0, 20))).toContain("sentence");
    expect(cutsOf("word ".repeat(200))).toContain("space");
    expect(cutsOf("é".repeat(900))).toContain("anywhere");
  });

  it("groups as the sizes say: 12 leaves, then 8, of about the same number", () => {
    const leaves = Array.from({ length: 469 }, (_, i) => ({ span: { start: i, end: i + 1 }, height: 0, children: [] }));
    const tree = treeOf(rootOf(leaves, () => true));
    const counts = [0, 1, 2, 3].map((height) => tree.nodes.filter((node) => node.height === height).length);
    expect(counts).toEqual([469, 40, 5, 1]);
    expect(new Set(tree.nodes.filter(({ height }) => height === 1).map(({ children }) => children.length))).toEqual(
      new Set([11, 12]),
    );
    const narrow = treeOf(rootOf(leaves.slice(0, 10), (_, children) => children <= 3));
    expect([0, 1, 2, 3].map((height) => narrow.nodes.filter((node) => node.height === height).length)).toEqual([
      10, 4, 2, 1,
    ]);
    expect(() => rootOf(leaves, (_, children) => children < 2)).toThrow(/too little for two summaries/);
  });

  it("gives every chapter a node of its own", () => {
    const { tree, book } = treeFor(novel, { by: "chapter" });
    const sections = tree.nodes.filter(({ heading }) => heading !== undefined);
    expect(sections.map(({ heading }) => heading)).toEqual([1, 2, 3, 4].map((n) => `CHAPTER ${n}. The night watch`));
    for (const { span } of sections) expect(book.text.slice(span.start)).toMatch(/^CHAPTER/);
    expect(() => treeFor("No heading stands here.", { by: "chapter" })).toThrow(/no chapter/);
  });

  it("takes headings of a page down to a level", () => {
    const page = htmlDocument(
      "<h1>One</h1><p>a b c</p><h2>Inner</h2><p>d e f</p>".replace(/<p>/g, `<p>${paragraph(0, 8)} `).repeat(2),
    );
    const sections = (by: number) => treeFor("", { by }, page).tree.nodes.flatMap(({ heading }) => heading ?? []);
    expect(sections(1)).toEqual(["One", "One"]);
    expect(sections(2)).toEqual(["One", "Inner", "One", "Inner"]);
  });

  it("ends before a heading that somebody names", () => {
    const { body, book } = treeFor(novel, { until: "chapter 3" });
    expect(book.text.slice(body.end)).toMatch(/^CHAPTER 3\./);
    expect(() => treeFor(novel, { until: "Chapter 9" })).toThrow(/no heading "Chapter 9"/);
    expect(() => treeFor(novel, { until: "Chapter 1" })).toThrow(/no text to summarise/);
  });

  it("refuses a book without text", () => {
    for (const text of ["", " \n\n\t "]) expect(() => treeFor(text)).toThrow(/no text/);
  });
});

describe("the text of a book", () => {
  it("is in one normal form, and every place leads back", () => {
    const source = "Cafe\u0301 au\u00ad bord\r\nde la mer\rnai\u0308ve \u1112\u1161\u11ab";
    const { text, stretches } = normalText(source);
    expect(text).toBe("Café au bord\nde la mer\nnaïve 한");
    const place = (part: string) => {
      const start = text.indexOf(part);
      const { start: from, end } = placeInSource({ stretches }, plainDocument(source), {
        start,
        end: start + part.length,
      });
      return source.slice(from, end);
    };
    expect(place("Café")).toBe("Cafe\u0301");
    expect(place("bord")).toBe("bord");
    expect(place("mer\nnaïve")).toBe("mer\rnai\u0308ve");
    expect(place("한")).toBe("\u1112\u1161\u11ab");
  });

  it("leads back from every character of any text", () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom("a", "e\u0301", "\r\n", "\r", "\n", "\u00ad", "ö", "o\u0308", " "))
          .map((all) => all.join("")),
        (source) => {
          const { text, stretches } = normalText(source);
          expect(text).toBe(
            source
              .replace(/\r\n?/g, "\n")
              .replace(/\u00ad/g, "")
              .normalize("NFC"),
          );
          for (let at = 0; at < text.length; at++) {
            const { start, end } = placeInSource({ stretches }, plainDocument(source), { start: at, end: at + 1 });
            expect(source.slice(start, end).replace(/\r\n?/g, "\n").normalize("NFC")).toBe(text[at]);
          }
        },
      ),
    );
  });

  it("is without licence, notice and table of contents, which are told", () => {
    const contents = "CONTENTS\n\n I. The lamp\n II. The storm\n III. The boat\n\n\n";
    const source = `Header of a library.\n\n*** START OF THE PROJECT GUTENBERG EBOOK THE LAMP ***\n\nProduced by A. Volunteer\n\nTHE LAMP\n\n${contents}I. The lamp\n\n${paragraph(1, 6)}\n\n*** END OF THE PROJECT GUTENBERG EBOOK THE LAMP ***\n\nLicence text.`;
    const { text, body, trimmed } = bookOf(plainDocument(source));
    expect(text.slice(body.start, body.end)).toBe(`I. The lamp\n\n${paragraph(1, 6)}`);
    expect(trimmed.map(({ why }) => why).sort()).toEqual([
      "licence",
      "licence and header",
      "notice",
      "title page and table of contents",
    ]);
    const whole = bookOf(plainDocument(source), { keepAll: true });
    expect(whole.body).toEqual({ start: 0, end: source.length });
    expect(whole.trimmed).toEqual([]);
  });

  it("keeps a book that speaks of contents and copyright", () => {
    const source = `CONTENTS OF THE BOX\n\n${paragraph(1, 3)}\n\nHe held the copyright to every map of the coast, and told nobody.\n\n${paragraph(9, 3)}`;
    expect(bookOf(plainDocument(source)).trimmed).toEqual([]);
  });
});

test.each([
  ["He met Mr. Bell at 4 p.m. on Sunday. It rained.", ["He met Mr. Bell at 4 p.m. on Sunday.", "It rained."]],
  ["“Go!” said he. “Why?” She left.", ["“Go!” said he.", "“Why?”", "She left."]],
  ["J. R. Moss came. Nobody saw the U.S. fleet.", ["J. R. Moss came.", "Nobody saw the U.S. fleet."]],
  ["Wait... what? Yes… no.", ["Wait... what?", "Yes… no."]],
  ["One\ntwo. Three\n\nfour", ["One\ntwo.", "Three", "four"]],
  ["海は青い。「はい。」夜。", ["海は青い。", "「はい。」", "夜。"]],
])("sentences of %j", (text, expected) => {
  expect(sentencesOf(text).map(({ start, end }) => text.slice(start, end))).toEqual(expected);
});

test("boundaries have the least of their costs, each place once", () => {
  const text = "CHAPTER I\n\nOne sea. Two seas.\n\nThree.\n\n\n\nFour.\n\n***\n\nFive.\n\nPART TWO\n\nSix.";
  const found = boundariesOf(text, { start: 0, end: text.length }, { headings: [], long: 1000 });
  expect(found.map(({ at, kind }) => [text.slice(at, at + 5).split(/[\s.]/)[0], kind])).toEqual([
    ["One", "paragraph"],
    ["Two", "sentence"],
    ["Three", "paragraph"],
    ["Four", "scene"],
    ["***", "paragraph"],
    ["Five", "scene"],
    ["PART", "heading"],
    ["Six", "paragraph"],
  ]);
  expect(cutCosts).toEqual({ heading: 0, scene: 0.05, paragraph: 0.12, sentence: 0.35, space: 1.5, anywhere: 5 });
});

test.each(["CHAPTER I", "Chapter 12. The boat", "IV", "XII. The storm", "Letter 3", "Prologue", "12"])(
  "%s is a heading",
  (line) => {
    expect(isHeadingLine(line)).toBe(true);
  },
);
test.each(["I saw him there.", "Part of him knew.", "", "He said", "In chapter 3 we saw that"])(
  "%j is none",
  (line) => {
    expect(isHeadingLine(line)).toBe(false);
  },
);
