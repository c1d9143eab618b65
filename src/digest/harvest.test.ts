import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import {
  atomEntry,
  atomFeed,
  type MadePaper,
  oaiDeleted,
  oaiError,
  oaiPage,
  oaiRecord,
  oaiServer,
  snapshotLine,
} from "../../test/support/arxiv.ts";
import { failureOf } from "../../test/support/failure.ts";
import { type HarvestOptions, harvestAtom, harvestOai } from "./harvest-node.ts";
import { ingestFile } from "./ingest-node.ts";
import { contentsOf, openStore } from "./store/store-node.ts";

const folder = mkdtempSync(join(tmpdir(), "digest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(folder, `${++count}.papers`);

const paper = (n: number, day: string, more: Partial<MadePaper> = {}): MadePaper => ({
  id: `2111.0000${n}`,
  day,
  title: `Paper ${n}`,
  abstract: `It counts ${n} things.`,
  ...more,
});

const today = "2021-11-06";
const changed = paper(1, "2021-11-01", {
  title: "Paper 1, revised",
  versions: ["2021-11-01", "2021-11-04"],
  changed: "2021-11-04",
});
/** As the server has them: a record that changed lies under the day it changed, a deleted one under its deletion. */
const records = [
  { day: "2021-11-01", xml: oaiRecord(paper(2, "2021-11-01")) },
  { day: "2021-11-01", xml: oaiRecord(paper(3, "2021-11-01")) },
  { day: "2021-11-01", xml: oaiRecord(paper(4, "2021-11-01")) },
  { day: "2021-11-03", xml: oaiRecord(paper(5, "2021-11-03")) },
  { day: "2021-11-04", xml: oaiRecord(changed) },
  { day: "2021-11-04", xml: oaiDeleted("2111.00003", "2021-11-04") },
  { day: "2021-11-04", xml: oaiRecord(paper(6, "2021-11-04")) },
];

const options = (store: string, fetch: HarvestOptions["fetch"]): HarvestOptions => ({
  ...{ store, fetch, address: "http://127.0.0.1/oai", pause: 0, random: () => 0, from: "2021-11-01" },
  clock: () => Date.parse(`${today}T12:00:00Z`),
  times: { wait: 0, longestWait: 0 },
});

const held = (path: string): string[] => {
  const store = openStore(path);
  try {
    return contentsOf(store);
  } finally {
    store.close();
  }
};

/** What an undisturbed harvest gives. */
async function undisturbed() {
  const path = fresh();
  const server = oaiServer(records, { today });
  const counts = await harvestOai(options(path, server.fetch));
  return { counts, contents: held(path), requests: server.asked.length };
}

test("a harvest goes through its days, page by page, and the next one begins where it ended", async () => {
  const path = fresh();
  const server = oaiServer(records, { today });
  expect(await harvestOai(options(path, server.fetch))).toEqual({ records: 7, new: 6, changed: 0, deleted: 1 });
  expect(server.asked[0]).toContain("from=2021-11-01&until=2021-11-01");
  expect(server.asked[1]).toContain("resumptionToken=");
  const store = openStore(path);
  expect(store.paper("2111.00003")).toBeUndefined();
  expect(store.paper("2111.00001")).toMatchObject({
    title: "Paper 1, revised",
    version: 2,
    submitted: "2021-11-01T00:00:00Z",
  });
  store.close();
  const before = held(path);
  const again = oaiServer(records, { today });
  expect(await harvestOai(options(path, again.fetch))).toMatchObject({ new: 0, changed: 0, deleted: 0 });
  expect(again.asked[0]).toContain("from=2021-11-05");
  expect(held(path)).toEqual(before);
});

test("killed at any request and started again, a harvest gives the same store and repeats no page", async () => {
  const { contents, requests } = await undisturbed();
  for (let at = 0; at < requests; at++) {
    const path = fresh();
    const killed = oaiServer(records, { today, trouble: (n) => (n === at ? new Error("killed") : undefined) });
    // Nothing is tried again: what was asked for when the process died is gone with it.
    await failureOf(harvestOai({ ...options(path, killed.fetch), times: { tries: 1 } }));
    const resumed = oaiServer(records, { today });
    const { from: _, ...rest } = options(path, resumed.fetch);
    await harvestOai(at === 0 ? options(path, resumed.fetch) : rest);
    expect(held(path), `killed at ${at}`).toEqual(contents);
    expect(killed.asked.length - 1 + resumed.asked.length, `killed at ${at}`).toBe(requests);
  }
});

test("503s are waited for, expired tokens begin their day again", async () => {
  const { contents } = await undisturbed();
  let expired = 0;
  const waits: number[] = [];
  const path = fresh();
  const server = oaiServer(records, {
    today,
    trouble(n, url) {
      if (n % 3 === 1) return new Response("busy", { status: 503, headers: { "retry-after": "0" } });
      if (url.searchParams.has("resumptionToken") && expired++ < 1)
        return new Response(oaiError("badResumptionToken", today));
      return undefined;
    },
  });
  let restarts = 0;
  await harvestOai({
    ...options(path, server.fetch),
    onRetry: ({ wait }) => waits.push(wait),
    events: { restarted: () => restarts++ },
  });
  expect(held(path)).toEqual(contents);
  expect(restarts).toBe(1);
  expect(waits.length).toBeGreaterThan(1);
});

test("a server that is busy for ever, or forgets for ever, is given up with the place kept", async () => {
  const path = fresh();
  const busy = oaiServer(records, { today, trouble: (n) => (n > 2 ? new Response("", { status: 503 }) : undefined) });
  const error = await failureOf(harvestOai(options(path, busy.fetch)));
  expect(error.message).toMatch(/503.*10 tries/);
  expect(busy.asked.length).toBe(13);
  const forgets = oaiServer(records, {
    today,
    trouble: (_, url) =>
      url.searchParams.has("resumptionToken") ? new Response(oaiError("badResumptionToken", today)) : undefined,
  });
  expect((await failureOf(harvestOai(options(fresh(), forgets.fetch)))).message).toMatch(/forgets again and again/);
  const long = oaiServer(records, {
    today,
    trouble: () => new Response("", { status: 503, headers: { "retry-after": "1e9" } }),
  });
  await failureOf(harvestOai(options(fresh(), long.fetch)));
  const refuses = oaiServer(records, { today, trouble: () => new Response(oaiError("badArgument", today)) });
  expect(await failureOf(harvestOai(options(fresh(), refuses.fetch)))).toMatchObject({ code: "bad_input" });
});

test("what is deleted stays deleted until it is told anew, and a source that leaves a paper out deletes nothing", async () => {
  const path = fresh();
  await harvestOai(options(path, oaiServer(records, { today }).fetch));
  const file = join(folder, "older.jsonl.gz");
  writeFileSync(file, gzipSync(`${snapshotLine(paper(3, "2021-11-01"))}\n${snapshotLine(paper(7, "2021-11-02"))}\n`));
  expect(await ingestFile({ store: path, source: "kaggle", path: file, today })).toMatchObject({ records: 2, new: 1 });
  const store = openStore(path);
  expect(store.paper("2111.00003")).toBeUndefined();
  expect(store.paper("2111.00002")).toBeDefined();
  store.close();
  const back = join(folder, "back.jsonl");
  writeFileSync(back, snapshotLine(paper(3, "2021-11-01", { changed: "2021-11-05" })));
  expect(await ingestFile({ store: path, source: "kaggle", path: back, today })).toMatchObject({ new: 1 });
});

test("lines that are no records are left out, kept and counted; too many are refused", async () => {
  const path = fresh();
  const file = join(folder, "bad.jsonl");
  const good = Array.from({ length: 20 }, (_, i) =>
    snapshotLine({ ...paper(1, "2021-11-02"), id: `2111.${10_000 + i}` }),
  );
  writeFileSync(
    file,
    [
      ...good,
      '{"id": "2111.20000", "title": ',
      '{"id":"nonsense"}',
      '{"id":704.0001,"title":"A","abstract":"B","categories":"hep-ph","authors":"C D","versions":[{"version":"v1","created":"Mon, 2 Apr 2007 19:18:42 GMT"}]}',
    ].join("\n"),
  );
  const noticed: Record<string, number> = {};
  const counts = await ingestFile({
    ...{ store: path, source: "kaggle", path: file, today },
    events: {
      noticed: (what, n) => {
        noticed[what] = n;
      },
    },
  });
  expect(counts).toEqual({ records: 21, new: 21, changed: 0, deleted: 0 });
  expect(noticed).toEqual({ "left out: not readable": 2, "id repaired": 1 });
  const store = openStore(path);
  expect(store.paper("0704.0001")?.title).toBe("A");
  expect(store.sql.all("select * from refused")).toHaveLength(2);
  store.close();
  writeFileSync(file, "not json\n".repeat(9));
  expect(await failureOf(ingestFile({ store: fresh(), source: "kaggle", path: file }))).toMatchObject({
    code: "corrupt_file",
  });
  expect(await failureOf(ingestFile({ store: fresh(), source: "oai", path: file }))).toMatchObject({
    code: "corrupt_file",
  });
  expect(await failureOf(ingestFile({ store: file, source: "kaggle", path: file }))).toMatchObject({
    code: "corrupt_file",
  });
  expect(
    await failureOf(ingestFile({ store: fresh(), source: "kaggle", path: join(folder, "none.jsonl") })),
  ).toMatchObject({ code: "not_found" });
});

test("pages that were saved are read from files, and citations are kept for known papers", async () => {
  const path = fresh();
  const oai = join(folder, "page.xml");
  writeFileSync(oai, oaiPage([oaiRecord(paper(1, "2021-11-02")), oaiDeleted("2111.00009", "2021-11-02")], today));
  expect(await ingestFile({ store: path, source: "oai", path: oai, today })).toEqual({
    records: 2,
    new: 1,
    changed: 0,
    deleted: 1,
  });
  const atom = join(folder, "feed.xml");
  writeFileSync(atom, atomFeed([atomEntry(paper(2, "2021-11-02"))]));
  expect(await ingestFile({ store: path, source: "atom", path: atom, today })).toMatchObject({ new: 1 });
  const cited = join(folder, "cited.json");
  writeFileSync(
    cited,
    JSON.stringify({
      ids: ["ARXIV:2111.00001", "ARXIV:2111.00009"],
      data: [{ citationCount: 4 }, { citationCount: 5 }],
    }),
  );
  expect(await ingestFile({ store: path, source: "citations", path: cited, today })).toMatchObject({
    records: 2,
    changed: 1,
  });
  const store = openStore(path);
  expect(store.paper("2111.00001")?.citations).toEqual([{ count: 4, source: "s2", at: today }]);
  store.close();
});

test("a query's answer is fetched to its end, also over pages that come empty", async () => {
  const path = fresh();
  const all = [1, 2, 3, 4, 5].map((n) => atomEntry(paper(n, "2021-11-02")));
  let requests = 0;
  const fetch: HarvestOptions["fetch"] = async (address) => {
    const { searchParams } = new URL(address);
    const [start, size] = [Number(searchParams.get("start")), Number(searchParams.get("max_results"))];
    return new Response(atomFeed(requests++ === 1 ? [] : all.slice(start, start + size), all.length));
  };
  const { from: _, ...rest } = options(path, fetch);
  expect(await harvestAtom({ ...rest, query: "cat:cs.CL", page: 2 })).toMatchObject({ records: 5, new: 5 });
  expect(requests).toBe(4);
});
