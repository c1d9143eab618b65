/**
 * `npm run fuzz [-- --cases N --seed S --reader NAME --from K]`, after `npm run build`: malformed files, N for each reader.
 * A case follows from the seed and its number alone: `--from 0 --cases 5000`, `--from 5000 --cases 5000` and so on are the
 * cases of one long run in pieces, so that it can be stopped between two and go on later.
 * The readers run in a thread of their own, so that one that never comes back is seen and its case named.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { fuzz, readers } from "./cases.js";
import * as library from "./library.js";

const patience = 20_000;

async function work({ cases, from, seed, reader, folder, clock }) {
  const list = readers(library, folder);
  const chosen = reader === undefined ? list : list.filter(({ name }) => name.includes(reader));
  const cell = new Int32Array(clock);
  for (const one of chosen) {
    // A reader's cases do not depend on which others run.
    const which = list.indexOf(one);
    const [row] = await fuzz([one], {
      cases,
      from,
      seed: seed + which * 101,
      expected: (error) => error instanceof library.ZerothError,
      told: (_, caseSeed) => {
        Atomics.store(cell, 0, caseSeed);
        Atomics.add(cell, 1, 1);
      },
    });
    parentPort.postMessage(row);
  }
}

function report(rows) {
  console.table(
    rows.map(({ failures, slowestMs, largestBytes, ...row }) => ({
      ...row,
      failures: failures.length,
      "slowest ms": Number(slowestMs.toFixed(1)),
      "grew MB": Number((largestBytes / 1e6).toFixed(1)),
    })),
  );
  const failures = rows.flatMap((row) => row.failures.map((failure) => ({ reader: row.name, ...failure })));
  for (const { reader, seed: at, why, input } of failures.slice(0, 10)) {
    console.log(`\n${reader}, case seed ${at}: ${why}\n  ${input.slice(0, 600)}`);
  }
  return failures.length;
}

function main() {
  const { values } = parseArgs({
    options: {
      cases: { type: "string", default: "50000" },
      seed: { type: "string", default: "1" },
      reader: { type: "string" },
      from: { type: "string", default: "0" },
    },
  });
  const [cases, seed, from] = [values.cases, values.seed, values.from].map(Number);
  if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed) || !(from >= 0)) {
    console.error("usage: npm run fuzz -- [--cases N] [--seed S] [--reader NAME] [--from K]");
    process.exitCode = 2;
    return;
  }
  const start = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "zeroth-fuzz-"));
  const clock = new SharedArrayBuffer(8);
  const cell = new Int32Array(clock);
  const rows = [];
  const workerData = { cases, from, seed, reader: values.reader, folder, clock };
  const worker = new Worker(new URL(import.meta.url), { workerData });
  const end = (more) => {
    clearInterval(watch);
    rmSync(folder, { recursive: true, force: true });
    const failures = report(rows) + more;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${cases} cases from ${from} on for each of ${rows.length} readers, seed ${seed}, ${seconds} s, ${failures} failures`,
    );
    process.exitCode = failures > 0 || rows.length === 0 ? 1 : 0;
  };
  let seen = -1;
  const watch = setInterval(() => {
    const now = Atomics.load(cell, 1);
    // Before the first case the readers' libraries are loaded.
    if (now === seen && now > 0) {
      console.log(`case seed ${Atomics.load(cell, 0) >>> 0} never came back`);
      void worker.terminate();
      end(1);
    }
    seen = now;
  }, patience);
  worker.on("message", (row) => {
    rows.push(row);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.error(`${row.name}: ${row.failures.length} failures, ${seconds} s so far`);
  });
  worker.on("error", (error) => {
    console.log(`case seed ${Atomics.load(cell, 0) >>> 0} ended the thread: ${error.stack ?? error}`);
    end(1);
  });
  worker.on("exit", (code) => {
    if (code === 0) end(0);
  });
}

if (isMainThread) main();
else await work(workerData);
