import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { rootOf, treeOf } from "../book/tree.ts";
import { align, candidateOf } from "./align.ts";
import { provenanceOf, supportByHeight } from "./provenance.ts";
import { contentStems, weightsOver } from "./stems.ts";

const nouns =
  "anchor barrel candle donkey engine feather garden hammer island jacket kettle ladder mirror needle orchard pocket quarry ribbon saddle tunnel umbrella violin window yard".split(
    " ",
  );
const verbs = "carried painted borrowed buried measured repaired traded watched".split(" ");
const pick = (list: readonly string[], n: number) => list[n % list.length]!;
const sentence = (n: number) =>
  `Captain ${pick(nouns, n * 7 + 1)} ${pick(verbs, n)} the ${pick(nouns, n * 3)} and the ${pick(nouns, n * 5 + 2)} near quay ${n}.`;

describe("alignment", () => {
  const source = Array.from({ length: 40 }, (_, n) => sentence(n));
  const candidates = source.map(candidateOf);
  const weight = weightsOver(source);

  it("finds a sentence of which words were left out, and both of two that were joined", () => {
    let [found, wanted, given] = [0, 0, 0];
    for (let n = 0; n < 40; n++) {
      const words = source[n]!.split(" ");
      const kept = words.filter((_, i) => (i * 7 + n) % 5 > 1).join(" ");
      const { links } = align(kept, candidates, weight);
      wanted++;
      given += links.length;
      if (links.some(({ candidate }) => candidate === n)) found++;
    }
    expect(found / wanted).toBeGreaterThan(0.9);
    expect(found / given).toBeGreaterThan(0.6);
    const both = align(`${source[3]!.replace(/\.$/, "")}, while ${source[17]!.toLowerCase()}`, candidates, weight);
    expect(
      both.links
        .map(({ candidate }) => candidate)
        .sort((a, b) => a - b)
        .slice(0, 2),
    ).toEqual([3, 17]);
    expect(both.support).toBeGreaterThan(0.8);
  });

  it("knows a copy, whatever its line breaks", () => {
    expect(align(source[5]!.replace(/ /, "\n"), candidates, weight)).toEqual({
      links: [{ candidate: 5, score: 1, method: "copy" }],
      support: 1,
    });
    expect(align("Yes.", [candidateOf("Yes."), candidateOf("No.")], weight).links).toHaveLength(1);
  });

  it("finds nothing for what is invented, or says nothing", () => {
    expect(align("A spaceship landed upon Jupiter yesterday.", candidates, weight)).toEqual({ links: [], support: 0 });
    expect(align("It was there.", candidates, weight)).toEqual({ links: [], support: 0 });
  });

  it("never claims more than everything", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...nouns, ...verbs, "the", "and"), { maxLength: 12 }), (words) => {
        const { links, support } = align(words.join(" "), candidates, weight);
        expect(support).toBeGreaterThanOrEqual(0);
        expect(support).toBeLessThanOrEqual(1);
        expect(links.length).toBeLessThanOrEqual(3);
        for (const { score } of links) expect(score).toBeGreaterThanOrEqual(0.1);
      }),
    );
  });
});

describe("provenance", () => {
  const parts = [0, 1, 2].map((part) => [0, 1, 2, 3].map((n) => sentence(part * 4 + n)).join(" "));
  const text = parts.join("\n\n");
  let at = 0;
  const leaves = parts.map((part, i) => {
    const start = at;
    at += part.length + (i < 2 ? 2 : 0);
    return { span: { start, end: at }, height: 0, children: [] };
  });
  const tree = treeOf(rootOf(leaves, () => true));
  const summaries: Record<string, string> = {
    "h0.0": `${sentence(1)} ${sentence(2)}`,
    "h0.1": `${sentence(5)} A dragon ate everybody.`,
    "h0.2": "",
    "h1.0": `${sentence(2)}\n${sentence(5)} A dragon ate everybody.`,
  };
  const provenance = provenanceOf({ text, tree, lines: false, summaryOf: (id) => summaries[id] });

  it("leads from the last sentence to the place in the text", () => {
    const [source, ...more] = provenance.sources("h1.0", 0);
    expect(more).toEqual([]);
    expect(text.slice(source!.span.start, source!.span.end)).toBe(sentence(2));
    expect(source).toMatchObject({ score: 1, path: ["h1.0", "h0.0"] });
  });

  it("ends where a sentence below has no source", () => {
    const [, , dragon] = provenance.sentences("h1.0");
    expect(dragon).toMatchObject({ supported: true });
    expect(provenance.sentences("h0.1")[1]).toMatchObject({ supported: false, links: [] });
    expect(provenance.sources("h1.0", 2)).toEqual([]);
    expect(supportByHeight(tree, provenance)).toEqual([
      { height: 0, sentences: 4, supported: 3, traced: 3 },
      { height: 1, sentences: 3, supported: 3, traced: 2 },
    ]);
  });

  it("links every sentence of every node, or marks it", () => {
    for (const { id } of tree.nodes) {
      for (const { links, supported } of provenance.sentences(id)) expect(links.length > 0 || !supported).toBe(true);
    }
  });
});

test("stems are of words that say something, in every script", () => {
  expect(contentStems("The whaling captains were hunting it, of course; 42nd naïve café")).toEqual([
    "whale",
    "captain",
    "hunt",
    "cours",
    "42nd",
    "naïve",
    "café",
  ]);
  expect(contentStems("海は青い")).toEqual(["海", "は", "青", "い"]);
});
