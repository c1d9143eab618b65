/**
 * Names that lead somewhere else, wherever a name comes from outside: a model's, a revision's, a file's of a hub, a
 * shard's of an index. Nothing outside of the root is opened, which is seen by listening to what is opened.
 */
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { traceOpens } from "../fuzz/trace.js";
import exportModel from "../src/cli/commands/export.ts";
import inspect from "../src/cli/commands/inspect.ts";
import { createOutput } from "../src/cli/output.ts";
import { ZerothError } from "../src/errors.ts";
import { openModelFolder, openTokenizer } from "../src/folders/open-node.ts";
import { quantizeFolder } from "../src/folders/quantize-node.ts";
import { writeModelFolder } from "../src/folders/write-node.ts";
import { float32 } from "../src/graph/array.ts";
import { parseListing } from "../src/hub/download/listing.ts";
import { resolveModel } from "../src/hub/find-node.ts";
import { writeSafetensors } from "../src/weights/safetensors-node.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "zeroth-paths-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const hostile = [
  "..",
  ".",
  "",
  "../outside",
  "../../outside",
  "a/..",
  "a/../../outside",
  "./../outside",
  "..\\outside",
  "a\\..\\..\\outside",
  "\\outside",
  "\\\\host\\share\\outside",
  "//host/share/outside",
  "/etc/passwd",
  "/",
  "~/outside",
  "$HOME/outside",
  "C:\\outside",
  "C:/outside",
  "C:outside",
  "file:///etc/passwd",
  "https://example.org/outside",
  "%2e%2e/outside",
  "%2e%2e%2foutside",
  "..%2foutside",
  "..%c0%afoutside",
  "．．/outside",
  "‥/outside",
  "..／outside",
  "outside\0",
  "outside\0.safetensors",
  "out\nside",
  "out\u001b[2Jside",
  "CON",
  "con.safetensors",
  "NUL.bin",
  "aux",
  "COM1",
  "lpt9.bin",
  "outside.",
  "outside ",
  "outside::$DATA",
  "a".repeat(300),
  "-rf",
  ".git/config",
  "model.safetensors/../../outside",
];

/** Whatever was asked for, nothing but what is below these was opened, and a refusal is a typed one. */
async function confined(work: () => unknown, ...roots: string[]): Promise<unknown> {
  const { value, error, opened } = await traceOpens(work);
  const away = opened.filter((path) => !roots.some((allowed) => path === allowed || path.startsWith(allowed + sep)));
  expect(away).toEqual([]);
  if (error !== undefined) expect(error).toBeInstanceOf(ZerothError);
  return error ?? value;
}

const tensors = [["x", float32([4], [1, 2, 3, 4])] as const];
const config = { model_type: "t5", d_model: 4 };

async function folder(name: string): Promise<string> {
  const path = join(root, name);
  await writeModelFolder(path, { config, tensors, tokenizerJson: {}, overwrite: true });
  return path;
}

test("there are forty of them and more", () => expect(new Set(hostile).size).toBeGreaterThanOrEqual(40));

describe.each(hostile)("%j", (name) => {
  test("as a model's name, or its revision", async () => {
    const cache = join(root, "cache");
    mkdirSync(cache, { recursive: true });
    const env = { HF_HUB_CACHE: cache };
    for (const asked of [name, `${name}/b`, `a/${name}`, `a/b@${name}`]) {
      const got = await confined(() => resolveModel(asked, { env, allowPaths: false }), cache);
      // A name that is none, or one that is not here.
      expect(["bad_input", "not_found"]).toContain((got as ZerothError).code);
    }
  });

  test.each([
    ["model.safetensors", ""],
    ["model.safetensors", ".safetensors"],
    ["pytorch_model.bin", ".bin"],
  ])("as a shard in the index of %s, with the ending %j", async (single, ending) => {
    const path = await folder("shards");
    rmSync(join(path, "model.safetensors"));
    await writeSafetensors(join(root, "outside.safetensors"), tensors);
    const index = { weight_map: { x: name + ending } };
    writeFileSync(join(path, `${single}.index.json`), JSON.stringify(index));
    const got = await confined(() => openModelFolder(path), path);
    // Some with an ending are odd but plain names: of a file that is not there.
    expect(got).toMatchObject({ code: "corrupt_file", message: /is not a plain file name|is missing/ });
    rmSync(join(path, `${single}.index.json`));
  });

  test("as a file that a hub lists", () => {
    const sha = "0".repeat(40);
    const listed = parseListing({ sha, siblings: [{ rfilename: name, size: 1, blobId: sha }] }, "hub");
    // A few are odd names of plain files: where those would be put is below the snapshot all the same.
    for (const { name: kept } of listed.files) {
      expect(kept).toMatch(/^(~|\$HOME|%2e%2e|\.\.%|\.git)|^-rf$/);
      expect(join(root, "snapshot", kept).startsWith(join(root, "snapshot") + sep)).toBe(true);
    }
  });
});

describe("links", () => {
  const silent = { ...createOutput({ quiet: true }), text: () => {} };
  const call = { output: silent, signal: new AbortController().signal, commands: {} };
  const secret = join(root, "secret.txt");
  writeFileSync(secret, '{"secret":true}');
  const names = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.model",
    "model.safetensors",
    "README.md",
  ];

  test.each(names)("%s as a link out of the folder: never opened, never copied", async (name) => {
    const path = await folder(`link-${name}`);
    if (/model$/.test(name)) rmSync(join(path, "tokenizer.json"));
    rmSync(join(path, name), { force: true });
    symlinkSync(secret, join(path, name));
    const open = await confined(() => openTokenizer(openModelFolder(path)), path);
    expect(open).toBeInstanceOf(ZerothError);
    if (name === "config.json" || name === "model.safetensors") return;
    const out = `${path}-out`;
    const quantise = () => quantizeFolder(openModelFolder(path), { out, bits: 8, choose: () => "keep" });
    await confined(quantise, path, out);
    await confined(() => exportModel.run({ ...call, args: [path], flags: { format: "safetensors", out } }), path, out);
    await confined(() => inspect.run({ ...call, args: [path], flags: {} }), path);
  });

  test("a link whose folder is a link out", async () => {
    const path = await folder("parents");
    mkdirSync(join(root, "elsewhere"), { recursive: true });
    await writeSafetensors(join(root, "elsewhere", "model.safetensors"), tensors);
    symlinkSync(join(root, "elsewhere"), join(path, "inner"));
    rmSync(join(path, "model.safetensors"));
    symlinkSync("inner/model.safetensors", join(path, "model.safetensors"));
    expect(await confined(() => openModelFolder(path), path)).toMatchObject({
      code: "corrupt_file",
      message: /leads outside/,
    });
  });

  test("a folder that is itself reached through a link is opened where it is", async () => {
    const path = await folder("real");
    symlinkSync(path, join(root, "nick"));
    expect(await confined(() => openModelFolder(join(root, "nick")).path, path)).toBe(path);
  });

  test("a hard link is a file: who could make it could read what it names", async () => {
    const path = await folder("hard");
    rmSync(join(path, "model.safetensors"));
    linkSync(join(root, "outside.safetensors"), join(path, "model.safetensors"));
    const opened = await confined(() => openModelFolder(path).weights, path);
    expect([...(opened as ReadonlyMap<string, unknown>).keys()]).toEqual(["x"]);
  });

  test("blobs of the same repository are opened, another repository's are not", async () => {
    const made = await folder("made");
    const at = (repo: string) => join(root, "hub", `models--a--${repo}`);
    for (const repo of ["b", "c"]) {
      mkdirSync(join(at(repo), "blobs"), { recursive: true });
      mkdirSync(join(at(repo), "snapshots", "0123"), { recursive: true });
      for (const name of ["config.json", "model.safetensors"]) {
        linkSync(join(made, name), join(at(repo), "blobs", `hash-${name}`));
        symlinkSync(`../../blobs/hash-${name}`, join(at(repo), "snapshots", "0123", name));
      }
    }
    const snapshot = join(at("b"), "snapshots", "0123");
    const opened = await confined(() => openModelFolder(snapshot).weights.size, at("b"));
    expect(opened).toBe(1);
    rmSync(join(snapshot, "model.safetensors"));
    symlinkSync("../../../models--a--c/blobs/hash-model.safetensors", join(snapshot, "model.safetensors"));
    expect(await confined(() => openModelFolder(snapshot), at("b"))).toMatchObject({ code: "corrupt_file" });
    expect(dirname(at("b"))).toBe(dirname(at("c")));
  });
});
