/**
 * Memory of a server that takes large files in and gives them back: node bench/server/upload.js [--mib 200] [--files 3].
 * Starts `zeroth serve` on a database of its own, or on DATABASE_URL. Prints one JSON line: the server's memory before,
 * at most while files came and went, and after, in MiB, and MiB a second. Exits with 1 where it grew by 128 MiB:
 * what is not collected yet of what came and went is about 100, whatever the size of the files.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { memoryOf } from "./memory.js";

const { values: flags } = parseArgs({
  options: { mib: { type: "string", default: "200" }, files: { type: "string", default: "3" } },
});
const size = Number(flags.mib) << 20;
const folder = mkdtempSync(join(tmpdir(), "zeroth-upload-"));
const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
const server = spawn(process.execPath, [program, "serve", "--port", "0", "--no-page", "--json"], {
  env: { ...process.env, ZEROTH_HOME: folder },
  stdio: ["ignore", "pipe", "inherit"],
});
const url = await new Promise((resolve, reject) => {
  server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  createInterface({ input: server.stdout }).once("line", (line) => resolve(JSON.parse(line).url));
});

/** A form with one file of so many bytes, made as it is sent. */
async function* form(hash) {
  yield Buffer.from(
    '--cut\r\nContent-Disposition: form-data; name="file"; filename="large.jsonl"\r\nContent-Type: text/plain\r\n\r\n',
  );
  const piece = Buffer.alloc(1 << 16, "one row of many, as long as it is\n");
  for (let left = size; left > 0; left -= piece.length) {
    const bytes = piece.subarray(0, Math.min(left, piece.length));
    hash.update(bytes);
    yield bytes;
  }
  yield Buffer.from('\r\n--cut\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--cut--\r\n');
}

const seen = [];
const watch = setInterval(() => seen.push(memoryOf(server.pid) ?? 0), 50);
const rate = { up: 0, down: 0 };
try {
  await fetch(`${url}/health`);
  const before = memoryOf(server.pid);
  const start = performance.now();
  for (let i = 0; i < Number(flags.files); i++) {
    const sent = createHash("sha256");
    let begun = performance.now();
    const answer = await fetch(`${url}/v1/files`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=cut" },
      body: ReadableStream.from(form(sent)),
      duplex: "half",
    });
    const file = await answer.json();
    if (file.bytes !== size) throw new Error(JSON.stringify(file));
    rate.up += performance.now() - begun;
    begun = performance.now();
    const got = createHash("sha256");
    for await (const bytes of (await fetch(`${url}/v1/files/${file.id}/content`)).body) got.update(bytes);
    if (got.digest("hex") !== sent.digest("hex")) throw new Error("other bytes came back");
    rate.down += performance.now() - begun;
    await fetch(`${url}/v1/files/${file.id}`, { method: "DELETE" });
  }
  const seconds = (performance.now() - start) / 1000;
  const most = Math.max(...seen);
  const mib = (Number(flags.files) * size) / 2 ** 20;
  const round = (value) => Math.round(10 * value) / 10;
  console.log(
    JSON.stringify({
      ...{ mib: Number(flags.mib), files: Number(flags.files), seconds: round(seconds) },
      ...{ before: round(before), most: round(most), after: round(memoryOf(server.pid)) },
      ...{ up_mib_per_second: round((1000 * mib) / rate.up), down_mib_per_second: round((1000 * mib) / rate.down) },
    }),
  );
  if (most - before >= 128) process.exitCode = 1;
} finally {
  clearInterval(watch);
  server.removeAllListeners("exit").kill();
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}
