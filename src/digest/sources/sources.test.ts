import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  atomEntry,
  atomFeed,
  type MadePaper,
  oaiDeleted,
  oaiError,
  oaiPage,
  oaiRecord,
  snapshotLine,
} from "../../../test/support/arxiv.ts";
import { failure } from "../../../test/support/failure.ts";
import { monthOfId, parseId } from "../papers/ids.ts";
import { merged } from "../papers/merge.ts";
import type { SourceRecord } from "../papers/paper.ts";
import { sentencesOf } from "../papers/sentences.ts";
import { tidy, toText } from "../papers/text.ts";
import { codeOf, isWithdrawn, venueOf } from "../papers/venue.ts";
import { parseAtom } from "./atom.ts";
import { citationRows, citedPaper } from "./citations.ts";
import { kaggleRecord } from "./kaggle.ts";
import { parseOai } from "./oai.ts";
import { authorsOf, isoDate, type RawRecord, recordOf } from "./record.ts";
import { parseXml } from "./xml.ts";

const read = (raw: RawRecord): SourceRecord => {
  const reading = recordOf(raw, monthOfId, "2031-01-01");
  if ("bad" in reading) throw new Error(reading.bad);
  return reading.record;
};

test.each([
  ["1810.04805", "1810.04805"],
  ["arXiv:1810.04805v2", "1810.04805", 2],
  ["https://arxiv.org/pdf/1810.04805v1.pdf", "1810.04805", 1],
  ["oai:arXiv.org:0704.0001", "0704.0001"],
  ["hep-th/9901001v3", "hep-th/9901001", 3],
  ["math.GT/0309136", "math/0309136"],
  ["cmp-lg/9404001", "cmp-lg/9404001"],
])("the id of %s is %s", (text, id, version?: number) => {
  expect(parseId(text)).toEqual({ id, ...(version !== undefined && { version }) });
});

test("digits that a table of numbers lost are put back and told", () => {
  expect(parseId("704.0001")).toEqual({ id: "0704.0001", repaired: true });
  expect(parseId("704.01")).toEqual({ id: "0704.0100", repaired: true });
  expect(parseId("1501.0001")).toEqual({ id: "1501.00010", repaired: true });
  for (const bad of ["", "abc", "1813.00001", "12345.1", "1810.048051", "<b>1810.04805</b>", "x".repeat(5000)])
    expect(parseId(bad), bad).toBeUndefined();
  expect(monthOfId("cmp-lg/9404001")).toBe("1994-04");
  expect(monthOfId("0704.0001")).toBe("2007-04");
});

test("texts are made whole: entities, doubled encoding, white space, direction marks", () => {
  expect(tidy("  A &amp; B\n  JosÃ© ")).toBe("A & B José");
  expect(tidy("José kept, Ã alone, 日本 Ã©")).toBe("José kept, Ã alone, 日本 Ã©");
  expect(tidy("evil\u202etxt\u0000")).toBe("eviltxt");
  expect(toText("Ma{\\~n}ana \\'Etude {\\it of} \\emph{noise}: $x_{i}^{2}$ at 50\\%, na\\\"{\\i}ve")).toBe(
    "Mañana Étude of noise: $x_{i}^{2}$ at 50%, naïve",
  );
});

test("reading text of any kind ends and gives text", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab\\{}$'~-&#x;()., \u00c3\u00a9"), maxLength: 300 }), (text) => {
      expect(toText(tidy(text)).length).toBeLessThanOrEqual(text.length * 2);
      authorsOf(text);
      sentencesOf(text);
    }),
  );
  const hostile = "\\'".repeat(20_000) + "{".repeat(20_000) + "$".repeat(20_000) + "(a and ".repeat(10_000);
  const started = performance.now();
  toText(tidy(hostile));
  authorsOf(hostile);
  sentencesOf("e.g. ".repeat(20_000));
  expect(performance.now() - started).toBeLessThan(5000);
});

test("sentences end where they end", () => {
  const text = "We use 3.5 layers, e.g. Adam et al. 2017. It works! See J. Smith. $x$ grows.";
  expect(sentencesOf(text).map((one) => one.text)).toEqual([
    "We use 3.5 layers, e.g. Adam et al. 2017.",
    "It works!",
    "See J. Smith.",
    "$x$ grows.",
  ]);
  for (const { start, end, text: own } of sentencesOf(text)) expect(text.slice(start, end)).toBe(own);
});

test("authors are parted outside of brackets", () => {
  const names = (text: string) => authorsOf(text).map(({ name }) => name);
  expect(names("Ada B\\'al, C.-P. Yu (Lab A, City and Land), {Group, Big} and D. and E. Fox")).toEqual([
    ..."Ada Bál|C.-P. Yu|Group, Big|D.|E. Fox".split("|"),
  ]);
  expect(names("Alexandra Andersson")).toEqual(["Alexandra Andersson"]);
});

test("dates are days and times, and nothing else is one", () => {
  expect(isoDate("Mon, 2 Apr 2007 19:18:42 GMT")).toBe("2007-04-02T19:18:42Z");
  expect(isoDate("2007-04-02")).toBe("2007-04-02T00:00:00Z");
  for (const bad of [undefined, "", "5", "yesterday", "2007-13-40", "-1"]) expect(isoDate(bad)).toBeUndefined();
});

test("a venue is one that takes the paper, not one it was sent to", () => {
  expect(venueOf("To appear at EMNLP 2018, 9 pages")).toEqual({ name: "EMNLP", state: "accepted" });
  expect(venueOf("Oral at ICLR 2019")).toEqual({ name: "ICLR", state: "oral" });
  expect(venueOf("Submitted to NAACL-HLT 2019")).toEqual({ name: "NAACL", state: "submitted" });
  expect(venueOf("11 pages", "Proceedings of COLING 2016")).toEqual({ name: "COLING", state: "accepted" });
  expect(venueOf("11 pages")).toBeUndefined();
  expect(codeOf("see https://github.com/a/b. and javascript:alert(1)")).toEqual(["https://github.com/a/b"]);
  expect(isWithdrawn("This paper has been withdrawn by the authors")).toBe(true);
  expect(isWithdrawn("Participants who have withdrawn are counted")).toBe(false);
});

const made: MadePaper = {
  id: "2105.01234",
  day: "2021-05-03",
  title: "Counting <b>sheep</b> & goats",
  abstract: "We count sheep, and goats at 7 % & more. Then we rest.",
  categories: "cs.CL cs.LG",
  comments: "Accepted at ACL 2021, 9 pages",
  versions: ["2021-05-03T10:00:00Z", "2021-06-01T11:00:00Z"],
  changed: "2021-06-02",
};

test("the same paper is the same in every source", () => {
  const lines = read(kaggleRecord(JSON.parse(snapshotLine(made)), "kaggle"));
  const raw = parseOai(oaiPage([oaiRecord(made)], "2021-06-03"), "page").records.map(read)[0]!;
  const atom = parseAtom(atomFeed([atomEntry(made)]), "feed").records.map(read)[0]!;
  const common = ({ source: _, at: __, ...fields }: SourceRecord) => fields;
  expect(common(raw)).toEqual(common(lines));
  expect(common(atom)).toEqual(common(lines));
  expect(lines).toMatchObject({ version: 2, submitted: "2021-05-03T10:00:00Z", updated: "2021-06-01T11:00:00Z" });
  expect(lines.authors).toEqual([{ name: "Ada Lind" }, { name: "Bo Maar" }]);
});

test("merging is one whatever the order, and the newest telling of each field wins", () => {
  const old = read(
    kaggleRecord(JSON.parse(snapshotLine({ ...made, changed: "2021-05-04", versions: [made.day] })), "kaggle"),
  );
  const now = read(parseOai(oaiPage([oaiRecord({ ...made, title: "Counting" })], "2021-06-03"), "p").records[0]!);
  const { comments: _, ...bare } = read(parseAtom(atomFeed([atomEntry(made)]), "f").records[0]!);
  const all = [old, now, bare];
  const results = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
    [2, 1, 0, 0, 1, 2],
  ].map((order) =>
    order.reduce((paper, i) => merged(paper, all[i]!), undefined as ReturnType<typeof merged> | undefined),
  );
  for (const result of results) expect(result).toEqual(results[0]);
  expect(results[0]).toMatchObject({
    title: "Counting",
    version: 2,
    comments: made.comments,
    submitted: "2021-05-03T10:00:00Z",
    primary: "cs.CL",
    venue: { name: "ACL", state: "accepted" },
    pages: 9,
  });
});

test("pages of OAI-PMH: records, deletions, tokens, errors", () => {
  const page = parseOai(oaiPage([oaiRecord(made), oaiDeleted("2105.09999", "2021-06-02")], "2021-06-03", "a%3Db"), "p");
  expect(page).toMatchObject({ token: "a%3Db", deleted: [{ id: "2105.09999", at: "2021-06-02" }] });
  expect(parseOai(oaiError("noRecordsMatch", "2021-06-03"), "p")).toMatchObject({ records: [], deleted: [] });
  expect(parseOai(oaiError("noRecordsMatch", "2021-06-03"), "p").error).toBeUndefined();
  expect(parseOai(oaiError("badArgument", "2021-06-03"), "p").error?.code).toBe("badArgument");
  const arXiv = `<OAI-PMH><responseDate>2021-06-03T00:00:00Z</responseDate><ListRecords><record><header><identifier>oai:arXiv.org:0704.0001</identifier><datestamp>2008-11-26</datestamp></header><metadata><arXiv><id>0704.0001</id><created>2007-04-02</created><updated>2007-07-24</updated><authors><author><keyname>Lindén</keyname><forenames>A. -B.</forenames><suffix>Jr.</suffix></author></authors><title>A\n  title</title><categories>hep-ph</categories><abstract> Text. </abstract></arXiv></metadata></record></ListRecords></OAI-PMH>`;
  expect(parseOai(arXiv, "p").records.map(read)[0]).toMatchObject({
    ...{ id: "0704.0001", title: "A title", authors: [{ name: "A.-B. Lindén Jr." }], at: "2008-11-26" },
    ...{ submitted: "2007-04-02T00:00:00Z", updated: "2007-07-24T00:00:00Z" },
  });
});

test("an error of the query API is told in its words", () => {
  const feed = atomFeed([
    "<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_abc</id><title>Error</title><summary>incorrect id format for abc</summary></entry>",
  ]);
  expect(failure(() => parseAtom(feed, "feed"))).toMatchObject({
    code: "bad_input",
    message: expect.stringMatching(/incorrect id format/),
  });
});

describe("hostile XML", () => {
  const bomb = `<!DOCTYPE a [<!ENTITY b "${"x".repeat(100)}"><!ENTITY c "${"&b;".repeat(1000)}">]><a>${"&c;".repeat(1000)}</a>`;
  test.each([
    ["a bomb of entities", bomb],
    ["an outer entity", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ["a depth", `${"<a>".repeat(5000)}${"</a>".repeat(5000)}`],
    ["an open end", "<OAI-PMH><ListRecords>"],
    ["a web page", "<html><body><p>Sorry</body></html>"],
    ["nothing", ""],
    ["JSON", '{"a":1}'],
  ])("%s is refused", (_, xml) => {
    expect(failure(() => parseOai(xml, "page")).code).toBe("corrupt_file");
    expect(failure(() => parseAtom(xml, "page")).code).toBe("corrupt_file");
  });

  test("names of JavaScript's own are names", () => {
    const xml = "<a><__proto__>x</__proto__><constructor>y</constructor></a>";
    try {
      parseXml(xml, "x");
    } catch (error) {
      expect(error).toMatchObject({ code: "corrupt_file" });
    }
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test("any change of a page gives records or an error of ours", () => {
    const page = oaiPage([oaiRecord(made), oaiDeleted("2105.09999", "2021-06-02")], "2021-06-03", "t");
    fc.assert(
      fc.property(fc.nat(page.length), fc.nat(40), fc.string({ maxLength: 12 }), (at, cut, put) => {
        const changed = page.slice(0, at) + put + page.slice(at + cut);
        try {
          for (const raw of parseOai(changed, "page").records) recordOf(raw, monthOfId, "2031-01-01");
        } catch (error) {
          expect(error).toMatchObject({ code: "corrupt_file" });
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("citations in the layouts of Semantic Scholar, OpenAlex and our own", () => {
  const s2 = {
    ids: ["ARXIV:2105.01234", "ARXIV:2105.00001"],
    data: [{ citationCount: 5, influentialCitationCount: 1 }, null],
  };
  expect(citationRows(s2).map(citedPaper)).toEqual([
    { id: "2105.01234", citations: { count: 5, influential: 1, source: "s2" } },
    undefined,
  ]);
  expect(citedPaper({ externalIds: { ArXiv: "2105.01234" }, citationCount: 7 })?.citations.count).toBe(7);
  const open = {
    results: [{ id: "https://openalex.org/W1", doi: "https://doi.org/10.48550/arXiv.2105.01234", cited_by_count: 9 }],
  };
  expect(citationRows(open).map(citedPaper)).toEqual([
    { id: "2105.01234", citations: { count: 9, source: "openalex" } },
  ]);
  expect(citedPaper({ id: "2105.01234", citations: 3, at: "2022-01-01" })).toEqual({
    id: "2105.01234",
    citations: { count: 3, source: "file", at: "2022-01-01" },
  });
  expect(citedPaper({ id: "2105.01234", citations: -3 })).toBeUndefined();
});
