import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { answerTokens, holdsAnswer } from "./answers.ts";
import { openBeir } from "./beir-node.ts";
import { compare } from "./compare.ts";
import { type Judgements, parseMetric, perQuestion, type Run, ranked } from "./metrics.ts";
import { parseRun, runText } from "./trec.ts";

type Nested = Record<string, Record<string, number>>;
const mapped = (nested: Nested) =>
  new Map(Object.entries(nested).map(([key, inner]) => [key, new Map(Object.entries(inner))]));
const fixture = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/retrieval/metrics.json", import.meta.url), "utf8"),
) as {
  qrels: Nested;
  run: Nested;
  expected: Nested;
};
const judgements: Judgements = mapped(fixture.qrels);
const run: Run = mapped(fixture.run);

describe("metrics", () => {
  it("are those of pytrec_eval, ties among them", () => {
    for (const [name, expected] of Object.entries(fixture.expected)) {
      const values = perQuestion(run, judgements, parseMetric(name));
      for (const [question, value] of Object.entries(expected))
        expect(values.get(question), `${name} ${question}`).toBeCloseTo(value, 9);
      // Questions without hits count 0, where pytrec_eval forgets them.
      const forgotten = [...judgements.keys()].filter((question) => !(question in expected));
      expect(forgotten.length).toBe(3);
      for (const question of forgotten) expect(values.get(question)).toBe(0);
    }
  });

  it("cut where they are told", () => {
    const judged: Judgements = new Map([["q", new Map([["b", 1]])]]);
    const found: Run = new Map([
      [
        "q",
        new Map([
          ["a", 2],
          ["b", 1],
        ]),
      ],
    ]);
    const at = (name: string) => perQuestion(found, judged, parseMetric(name)).get("q");
    expect([at("mrr@1"), at("mrr@2"), at("hit@1"), at("accuracy@2")]).toEqual([0, 0.5, 0, 1]);
    expect(
      ranked(
        new Map([
          ["a", 1],
          ["b", 1],
          ["c", 2],
        ]),
      ),
    ).toEqual(["c", "b", "a"]);
    expect(failure(() => parseMetric("bleu@3")).code).toBe("wrong_use");
    expect(failure(() => parseMetric("ndcg@0")).code).toBe("wrong_use");
  });

  it("are compared in pairs", () => {
    const first = Array.from({ length: 200 }, (_, i) => Number(i % 2 === 0));
    const same = compare(first, first);
    expect(same).toMatchObject({ mean: 0, low: 0, high: 0, p: 1 });
    const better = compare(
      first,
      first.map((value, i) => Math.max(value, Number(i % 5 === 1))),
    );
    expect(better.low).toBeGreaterThan(0);
    expect(better.high).toBeLessThan(0.2);
    expect(better.p).toBeLessThan(0.01);
  });
});

describe("answers", () => {
  it("stand in a passage as whole tokens, accents with their letters", () => {
    expect(answerTokens("U.S. Café 10%")).toEqual(["u", ".", "s", ".", "cafe\u0301", "10", "%"]);
    expect(holdsAnswer("In 1066 the U.S. won", ["10"])).toBe(false);
    expect(holdsAnswer("In 1066 the U.S. won", ["u.s."])).toBe(true);
    expect(holdsAnswer("Beyoncé sang", ["Beyonce"])).toBe(false);
    expect(holdsAnswer("anything", ["", "  "])).toBe(false);
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-beir-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const beir = (name: string, corpus: string, queries: string, qrels: string) => {
    const path = join(folder, name);
    mkdirSync(join(path, "qrels"), { recursive: true });
    writeFileSync(join(path, "corpus.jsonl.gz"), gzipSync(corpus));
    writeFileSync(join(path, "queries.jsonl"), queries);
    writeFileSync(join(path, "qrels", "dev.tsv"), qrels);
    return path;
  };
  const corpus = '{"_id":"d1","title":"T","text":"one"}\n{"_id":"d2","text":"two"}\n';
  const queries = '{"_id":"q1","text":"?","metadata":{"answers":["one"]}}\n';
  const head = "query-id\tcorpus-id\tscore\n";

  it("of BEIR are read, and what does not fit is told", async () => {
    const read = await openBeir(beir("whole", corpus, queries, `${head}q1\td1\t1\nq9\td2\t1\nq1\tdx\t2\n`), "dev");
    expect(read.corpus.map(({ title }) => title)).toEqual(["T", ""]);
    expect(read.questions.get("q1")!.answers).toEqual(["one"]);
    expect([...read.judgements.keys()]).toEqual(["q1"]);
    expect(read.warnings).toEqual([
      "1 judged questions are not in queries.jsonl: q9",
      "1 judged passages are not in corpus.jsonl: dx",
    ]);
  });

  it("of BEIR that are broken are refused by their line", async () => {
    const why = async (name: string, ...parts: [string, string, string]) =>
      (await failureOf(openBeir(beir(name, ...parts), "dev"))).message;
    expect(await why("a", corpus, queries, "q1\td1\t1\n")).toMatch(/does not begin with the line/);
    expect(await why("b", corpus, queries, `${head}q1 d1 1\n`)).toMatch(/line 2 is no judgement/);
    expect(await why("c", `${corpus}${corpus}`, queries, head)).toMatch(/line 3: the _id "d1" is there twice/);
    expect(await why("d", '{"_id":"x"}\n', queries, head)).toMatch(/has no "text"/);
    expect((await failureOf(openBeir(join(folder, "whole"), "test"))).code).toBe("not_found");
  });

  it("of TREC are read and written", () => {
    const text = "q1 Q0 a 1 2.5 x\nq1 Q0 b 2 2.5 x\n";
    const parsed = parseRun(text, "run");
    expect(runText(parsed, "x")).toBe("q1 Q0 b 1 2.5 x\nq1 Q0 a 2 2.5 x\n");
    expect(failure(() => parseRun("q1 Q0 a 1\n", "run")).message).toBe(
      'run: line 1 is no hit: expected "question Q0 document rank score tag"',
    );
    expect(failure(() => parseRun(`${text}q1 Q0 a 3 1 x`, "run")).message).toMatch(
      /line 3: q1 has the document a twice/,
    );
  });
});
