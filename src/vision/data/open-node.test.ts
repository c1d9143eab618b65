/** Examples with classes: folders, IDX pairs, rows. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLabelled } from "./open-node.ts";

const home = mkdtempSync(join(tmpdir(), "vision-data-"));
const colour = (r: number, g: number, b: number, path: string) =>
  sharp({ create: { width: 20, height: 12, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(path);

beforeAll(async () => {
  for (const name of ["red", "blue"]) mkdirSync(join(home, "data", name), { recursive: true });
  for (let i = 0; i < 3; i++) {
    await colour(200 + i, 10, 10, join(home, "data", "red", `${i}.png`));
    await colour(10, 10, 200 + i, join(home, "data", "blue", `${i}.png`));
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("a folder for each class; classes take turns", async () => {
  const data = await openLabelled(join(home, "data"));
  expect(data).toMatchObject({ classes: ["blue", "red"], labels: [0, 1, 0, 1, 0, 1] });
  expect((await data.read(1))[0]!.data.slice(0, 3)).toEqual(Uint8Array.of(200, 10, 10));
});

test("an IDX pair, packed; labels that do not fit are refused", async () => {
  const folder = join(home, "idx");
  mkdirSync(folder);
  const write = (name: string, bytes: number[]) => writeFileSync(join(folder, name), gzipSync(Uint8Array.from(bytes)));
  write("a-images-idx3-ubyte.gz", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4]);
  write("a-labels-idx1-ubyte.gz", [0, 0, 8, 1, 0, 0, 0, 2, 5, 0]);
  const data = await openLabelled(join(folder, "a-images-idx3-ubyte.gz"));
  expect(data.labels).toEqual([5, 0]);
  expect(await data.read(1)).toEqual([{ width: 2, height: 1, channels: 1, data: Uint8Array.of(3, 4) }]);
  write("a-labels-idx1-ubyte.gz", [0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 1]);
  await expect(openLabelled(folder)).rejects.toThrow(/2 pictures and labels of shape \[3\]/);
});

test("a folder without classes, a single picture, and none at all", async () => {
  await expect(openLabelled(join(home, "data", "red"))).rejects.toMatchObject({ code: "bad_input" });
  await expect(openLabelled(join(home, "data", "red", "0.png"))).rejects.toThrow(/is a single file/);
  await expect(openLabelled(join(home, "nowhere"))).rejects.toMatchObject({ code: "not_found" });
});

test("a row that names no file is refused by its number", async () => {
  const path = join(home, "rows.csv");
  writeFileSync(path, "file,label\ndata/red/0.png,red\na\0.png,blue\n");
  await expect(openLabelled(path)).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringMatching(/row 2/),
  });
});
