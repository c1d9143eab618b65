import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { zipOf } from "./zip.ts";

const text = (value: string) => new TextEncoder().encode(value) as Uint8Array<ArrayBuffer>;

test("an archive of two files: their sums, sizes and places are those that readers look for", () => {
  const files = [
    { name: "adapter_config.json", bytes: text("{}\n") },
    { name: "größe.bin", bytes: Uint8Array.from({ length: 300 }, (_, i) => i) },
  ];
  const archive = Buffer.concat(zipOf(files));
  const end = archive.length - 22;
  expect(archive.readUInt32LE(end)).toBe(0x06054b50);
  expect(archive.readUInt16LE(end + 10)).toBe(2);
  let at = archive.readUInt32LE(end + 16);
  expect(at + archive.readUInt32LE(end + 12)).toBe(end);
  for (const { name, bytes } of files) {
    expect(archive.readUInt32LE(at)).toBe(0x02014b50);
    const length = archive.readUInt16LE(at + 28);
    expect(archive.subarray(at + 46, at + 46 + length).toString()).toBe(name);
    const local = archive.readUInt32LE(at + 42);
    expect(archive.readUInt32LE(local)).toBe(0x04034b50);
    const begin = local + 30 + archive.readUInt16LE(local + 26);
    expect(archive.subarray(begin, begin + bytes.length).equals(Buffer.from(bytes))).toBe(true);
    at += 46 + length;
  }
  // CRC-32 of "123456789", the check value of every table of them.
  expect(Buffer.concat(zipOf([{ name: "a", bytes: text("123456789") }])).readUInt32LE(14)).toBe(0xcbf43926);
});

const unzip = (() => {
  try {
    execFileSync("unzip", ["-v"]);
    return true;
  } catch {
    return false;
  }
})();

test.runIf(unzip)("unzip finds nothing wrong with it", () => {
  const folder = mkdtempSync(join(tmpdir(), "zip-"));
  try {
    writeFileSync(join(folder, "a.zip"), Buffer.concat(zipOf([{ name: "a.txt", bytes: text("words") }])));
    expect(execFileSync("unzip", ["-p", join(folder, "a.zip")], { encoding: "utf8" })).toBe("words");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
