/** Files that are none, and files that are something else than was expected. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { makePipe } from "../../test/support/pipe.ts";
import { fileSha256, makeFolder, writeFileSafely } from "./files-node.ts";
import { needFile, readJsonFile, readWholeFile, withFile } from "./read-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-read-"));
afterAll(() => rmSync(place, { recursive: true }));
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 7\n`;

const readers: [string, (path: string) => unknown][] = [
  ["needFile", needFile],
  ["withFile", (path) => withFile(path, () => 1)],
  ["readWholeFile", (path) => readWholeFile(path, 100)],
  ["readJsonFile", (path) => readJsonFile(path)],
  ["fileSha256", (path) => fileSha256(path)],
];

test.skipIf(process.platform === "win32").each(readers)("%s refuses a pipe, a device and a folder", async (_, read) => {
  const pipe = makePipe(join(mkdtempSync(join(place, "pipe-")), "pipe"));
  for (const path of [pipe, "/dev/zero", place]) {
    await expect(async () => read(path)).rejects.toMatchObject({
      code: "bad_input",
      message: `${path}: is not a file`,
    });
  }
});

test("a file that is something else than JSON says what it is", () => {
  const path = join(place, "config.json");
  const says = (content: string | Uint8Array) => {
    writeFileSync(path, content);
    return () => readJsonFile(path);
  };
  expect(says(pointer)).toThrow(/config\.json: is a Git LFS pointer, the file was not fetched/);
  expect(says("")).toThrow(/is an empty file/);
  expect(says("<!DOCTYPE html><html></html>")).toThrow(/is an HTML page/);
  expect(says(Uint8Array.from([0x1f, 0x8b, 8, 0, 0xff]))).toThrow(/is a gzip file/);
  expect(says(Uint8Array.from([0x7b, 0xff, 0x7d]))).toThrow(/not valid UTF-8/);
  expect(says(`{"a":"${"x".repeat(99)}"}`)).not.toThrow();
  expect(() => readJsonFile(path, 50)).toThrow(/107 bytes, at most 50 are read/);
});

test("folders are made down to the last; a file in the way is an error", async () => {
  const deep = join(place, "a", "b", "c");
  makeFolder(deep);
  makeFolder(deep);
  expect(statSync(deep).isDirectory()).toBe(true);
  writeFileSync(join(place, "a", "file"), "");
  for (const path of [join(place, "a", "file"), join(place, "a", "file", "below")]) {
    expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: "bad_input", where: path }));
  }
  await expect(writeFileSafely(join(place, "a", "file", "x"), "")).rejects.toMatchObject({ code: "bad_input" });
});

test.skipIf(process.platform === "win32")("in a deleted folder making one ends, with an error that says so", () => {
  const gone = join(place, "gone");
  mkdirSync(gone);
  const module = pathToFileURL(join(import.meta.dirname, "../../dist/base/files-node.js")).href;
  const script = `
    import { rmdirSync } from "node:fs";
    import { makeFolder, writeFileSafely } from ${JSON.stringify(module)};
    rmdirSync(${JSON.stringify(gone)});
    try { makeFolder("out/below"); } catch (error) { console.log(error.code, error.message); }
    await writeFileSafely("out/below/x", "").catch((error) => console.log(error.code));
  `;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: gone,
    encoding: "utf8",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  expect(run.stdout).toBe(
    "bad_input out/below: cannot be made: the folder it would be in has been deleted\nbad_input\n",
  );
});
