/**
 * The Hugging Face cache in both directions, against a hub on this machine: what `zeroth pull` lays down, Python's
 * huggingface_hub finds without a request; what Python lays down, zeroth finds without fetching a file; and both lay
 * down the same paths, links and bytes.
 *   npm run build && PYTHON=parity/.venv/bin/python node parity/hub_cache.js
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startHub } from "../test/support/hub-server.js";

const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.PYTHON ?? "python3";
const repo = "acme/tiny";
const noise = (bytes, seed) => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * seed * 2654435761) >>> 24));
const files = {
  "config.json": Buffer.from('{"model_type":"t5"}'),
  "README.md": Buffer.from("# tiny\n"),
  "model.safetensors": noise(300_000, 3),
  "spiece.model": noise(5_000, 5),
  "tokenizer.json": noise(4_000, 7),
  "onnx/model.onnx": noise(3_000, 9),
};
const wanted = Object.keys(files).filter((name) => !name.startsWith("onnx/"));

const run = async (file, args, env) => {
  const settings = { ...process.env, HF_HUB_DISABLE_TELEMETRY: "1", HF_HUB_DISABLE_UPDATE_CHECK: "1", ...env };
  const { stdout } = await promisify(execFile)(file, args, { env: settings });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
};
const zeroth = (args, env) => run(process.execPath, [join(here, "..", "bin", "zeroth.js"), ...args, "--json"], env);
const hubPython = (mode, names, env) => run(python, [join(here, "hub_cache.py"), mode, repo, ...names], env);

/** Path to content, or to the target of a link; what either keeps for itself alone is left out. */
function treeOf(root) {
  const own = /^(\.locks\/|CACHEDIR\.TAG$|models--[^/]+\/(trees|\.no_exist)\/)/;
  const below = (folder) =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return lstatSync(path).isDirectory() ? below(path) : [path];
    });
  return Object.fromEntries(
    below(root)
      .map((path) => [relative(root, path), path])
      .filter(([name]) => !own.test(name))
      .sort()
      .map(([name, path]) => [
        name,
        lstatSync(path).isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path).toString("base64"),
      ]),
  );
}

const folder = mkdtempSync(join(tmpdir(), "hub-cache-"));
const hub = await startHub({ [repo]: { files } });
try {
  const [ours, theirs] = ["ours", "theirs"].map((name) => ({
    HF_HOME: join(folder, name),
    HF_ENDPOINT: hub.url,
    HF_HUB_OFFLINE: "",
  }));
  const asked = () => hub.requests.splice(0);

  const rows = await zeroth(["pull", repo], ours);
  assert.equal(rows.at(-1).done, true);
  asked();
  const reused = await hubPython("reuse", wanted, ours);
  assert.deepEqual(asked(), [], "Python asks for nothing");
  for (const { file, path } of reused.filter((row) => row.file))
    assert.ok(readFileSync(path).equals(files[file]), file);
  assert.equal(reused.find((row) => row.snapshot).snapshot, rows.at(-1).path);
  assert.equal(reused.find((row) => "absent" in row).absent, true);
  const scan = reused.at(-1);
  assert.deepEqual([scan.refs, scan.files], [["main"], wanted.length]);
  console.log(`ours: ${wanted.length} files, found by huggingface_hub with 0 requests; scan: ${scan.bytes} bytes`);

  await hubPython("fill", wanted, theirs);
  asked();
  const again = await zeroth(["pull", repo], theirs);
  const requests = asked();
  assert.deepEqual([again.length - 1, requests.map(({ kind }) => kind)], [wanted.length, ["api"]]);
  const [listed] = await zeroth(["cache", "list"], { ...theirs, HF_HUB_OFFLINE: "1" });
  assert.deepEqual([listed.repo, listed.files, listed.revision], [repo, wanted.length, "main"]);
  assert.deepEqual(asked(), []);
  console.log(`theirs: ${wanted.length} files, pulled with 1 request (the listing), 0 files fetched`);

  if (process.platform === "linux") {
    // Python has begun and holds its locks; we wait for it instead of fetching the same bytes.
    hub.setFault(({ kind }) => (kind === "store" ? { throttle: 200_000 } : undefined));
    const both = { ...ours, HF_HOME: join(folder, "both") };
    const first = hubPython("fill", wanted, both);
    while (!hub.requests.some(({ kind, method }) => kind === "store" && method === "GET")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.all([first, zeroth(["pull", repo], both)]);
    const served = asked().filter(({ kind, method }) => kind === "store" && method === "GET");
    assert.deepEqual(served.map(({ file }) => file).sort(), ["model.safetensors", "spiece.model", "tokenizer.json"]);
    console.log(`at once: ${served.length} large files, each served once`);
  }

  const [a, b] = [treeOf(join(folder, "ours", "hub")), treeOf(join(folder, "theirs", "hub"))];
  assert.deepEqual(a, b);
  console.log(`both: ${Object.keys(a).length} paths, links and contents equal`);
} finally {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
}
