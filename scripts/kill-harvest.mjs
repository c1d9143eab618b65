/**
 * Kills a harvest over OAI-PMH at random moments and checks that its store ends as an undisturbed one's.
 * node scripts/kill-harvest.mjs [--kills 50] [--papers 1500] [--seed 1] [--dist dist]
 *
 * A server of this process's own tells of papers of thirty days, page by page. It says 503 now and then, breaks off, forgets
 * tokens, and is slow. Papers are changed and deleted while the harvest is at it: first twenty days are fetched, then the
 * rest with what has changed meanwhile. The process that harvests is stopped with SIGKILL and started again; after every
 * kill the store opens and its papers are whole, and in the end it holds what a harvest without any trouble does.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { life, randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "50" },
    papers: { type: "string", default: "1500" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
  },
});
const dist = resolve(options.dist);
const library = (name) => import(pathToFileURL(join(dist, "digest", name)).href);

const dayOf = (n) => `2021-11-${String(n).padStart(2, "0")}`;

if (positionals.length > 0) {
  const [store, address, until] = positionals;
  const { harvestOai } = await library("harvest-node.js");
  await harvestOai({
    ...{ store, address, fetch, from: dayOf(1), until, pause: 0, days: 3 },
    clock: () => Date.parse("2021-12-01T12:00:00Z"),
    times: { wait: 1, longestWait: 5 },
  });
  process.exit();
}

const random = randomFrom(options.seed);

const pageSize = 40;
const papers = Number(options.papers);
/** Records by the day of their last change; at a later stage some lie under a later day, some are deleted. */
function recordsAt(stage) {
  const all = Array.from({ length: papers }, (_, n) => {
    const day = 1 + (n % 20);
    const id = `2111.${String(n + 1).padStart(5, "0")}`;
    const late = stage === 2 && n % 7 === 0 ? 20 + (n % 10) : undefined;
    if (late !== undefined && n % 21 === 0) return { day: dayOf(late), xml: deleted(id, dayOf(late)) };
    const changed = late ?? (n % 11 === 0 ? Math.min(20, day + 3) : undefined);
    const versions = [dayOf(day), ...(changed === undefined ? [] : [dayOf(changed)])];
    return { day: versions.at(-1), xml: record(id, n, versions) };
  });
  const added = Array.from({ length: stage === 2 ? papers / 5 : 0 }, (_, n) => {
    const day = dayOf(21 + (n % 10));
    return { day, xml: record(`2111.${String(50_000 + n)}`, n, [day]) };
  });
  return [...all, ...added];
}
const header = (id, day) => `<identifier>oai:arXiv.org:${id}</identifier><datestamp>${day}</datestamp>`;
const deleted = (id, day) => `<record><header status="deleted">${header(id, day)}</header></record>`;
const record = (id, n, versions) =>
  `<record><header>${header(id, versions.at(-1))}</header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>${id}</id>${versions
    .map(
      (day, i) => `<version version="v${i + 1}"><date>${new Date(`${day}T00:00:00Z`).toUTCString()}</date></version>`,
    )
    .join(
      "",
    )}<title>Paper ${n}, told ${versions.length} times</title><authors>Ada Lind and Bo Maar</authors><categories>cs.CL</categories><abstract>It counts ${n} things.</abstract></arXivRaw></metadata></record>`;
const page = (content) =>
  `<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2021-12-01T03:04:05Z</responseDate>${content}</OAI-PMH>`;

const troubles = { busy: 0, broken: 0, forgotten: 0 };
let [records, calm] = [recordsAt(1), true];
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  const token = searchParams.get("resumptionToken");
  const draw = calm ? 1 : random();
  const answer = (text) => setTimeout(() => response.end(text), calm ? 0 : random() * 6);
  if (draw < 0.08) {
    troubles.busy++;
    response.writeHead(503, { "retry-after": "0" }).end();
  } else if (draw < 0.11) {
    troubles.broken++;
    request.socket.destroy();
  } else if (draw < 0.15 && token !== null) {
    troubles.forgotten++;
    answer(page("<error code='badResumptionToken'>expired</error>"));
  } else {
    const asked = token === null ? searchParams : new URLSearchParams(token);
    const [from, until, skip] = [asked.get("from"), asked.get("until"), Number(asked.get("skip") ?? 0)];
    const found = records.filter(({ day }) => day >= from && day <= until);
    const next = `from=${from}&until=${until}&skip=${skip + pageSize}`.replaceAll("&", "&amp;");
    const more = skip + pageSize < found.length ? `<resumptionToken>${next}</resumptionToken>` : "";
    const shown = found.slice(skip, skip + pageSize).map(({ xml }) => xml);
    answer(
      page(
        found.length === 0 ? "<error code='noRecordsMatch'/>" : `<ListRecords>${shown.join("")}${more}</ListRecords>`,
      ),
    );
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const address = `http://127.0.0.1:${server.address().port}/oai`;

const folder = mkdtempSync(join(tmpdir(), "kill-harvest-"));
const script = fileURLToPath(import.meta.url);
const live = (store, until, delay) => life([script, "--dist", dist, store, address, until], { delay });
const { contentsOf, openStore } = await library("store/store-node.js");

function contents(path) {
  const store = openStore(path);
  try {
    return contentsOf(store);
  } finally {
    store.close();
  }
}

/** Every paper of a store that a kill left is whole. */
function checkStore(path) {
  if (!existsSync(path)) return;
  // A kill before the tables were made leaves an empty file.
  const store = openStore(path, true);
  for (const { json } of store.sql.all("select json from paper")) assert.equal(JSON.parse(json).primary, "cs.CL");
  store.close();
}

const count = { kills: 0, runs: 0 };
try {
  const plain = join(folder, "plain.db");
  const times = [];
  const wanted = [];
  for (const [stage, until] of [
    [1, dayOf(20)],
    [2, dayOf(30)],
  ]) {
    records = recordsAt(stage);
    times.push((await live(plain, until)).took);
    wanted.push(contents(plain));
  }
  assert.notDeepEqual(wanted[0], wanted[1]);
  calm = false;
  const kills = Number(options.kills);
  while (count.kills < kills) {
    const store = join(folder, `store-${count.runs}.db`);
    for (const [i, until] of [dayOf(20), dayOf(30)].entries()) {
      records = recordsAt(i + 1);
      for (let done = false; !done; ) {
        const { killed } = await live(store, until, count.kills < kills ? 50 + random() * times[i] : undefined);
        done = !killed;
        if (killed) count.kills++;
        checkStore(store);
      }
      assert.deepEqual(contents(store), wanted[i], `${store} is another store after stage ${i + 1}`);
    }
    count.runs++;
    rmSync(store, { force: true });
  }
  const { busy, broken, forgotten } = troubles;
  console.log("| kills | harvests that ended equal | papers | 503s | broken connections | expired tokens |");
  console.log("|---|---|---|---|---|---|");
  console.log(
    `| ${count.kills} | ${count.runs} | ${wanted[1].filter((row) => row.includes('"json"')).length} | ${busy} | ${broken} | ${forgotten} |`,
  );
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
