import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePipe } from "../../test/support/pipe.ts";
import { ZerothError } from "../errors.ts";
import { float32, type NdArray, ndarray } from "../graph/array.ts";
import { resolveModel } from "../hub/find-node.ts";
import { readStored, writeSafetensors } from "../weights/safetensors-node.ts";
import { companions } from "./companions-node.ts";
import { openModelFolder, openTokenizer } from "./open-node.ts";
import { writeModelFolder } from "./write-node.ts";

let root: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "zeroth-folder-")));
});
afterAll(() => rm(root, { recursive: true }));

const tensors: [string, NdArray][] = ["x", "y", "z"].map((name, i) => [name, float32([4], [i, i, i, i])]);
const config = { model_type: "t5", d_model: 4 };

function thrown(run: () => unknown): ZerothError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ZerothError);
    return error as ZerothError;
  }
  throw new Error("nothing was thrown");
}

async function put(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** A cache as Python writes it: blobs, snapshots of links into them, refs. */
async function makeCache(cache: string, repo: string, commit: string): Promise<string> {
  const folder = join(cache, repo);
  await writeModelFolder(join(folder, "made"), { config, tensors });
  await mkdir(join(folder, "snapshots", commit), { recursive: true });
  await mkdir(join(folder, "blobs"));
  for (const name of ["config.json", "model.safetensors"]) {
    await writeFile(join(folder, "blobs", `hash-${name}`), await readFile(join(folder, "made", name)));
    await symlink(`../../blobs/hash-${name}`, join(folder, "snapshots", commit, name));
  }
  await put(join(folder, "refs", "main"), commit);
  await put(join(folder, "refs", "pr", "1"), commit);
  return folder;
}

describe("a folder", () => {
  test("comes back as it was written, sharded or not, its tensors located and not read", async () => {
    for (const maxShardBytes of [1e9, 32]) {
      const path = join(root, `plain-${maxShardBytes}`);
      await writeModelFolder(path, {
        config,
        tensors,
        maxShardBytes,
        tokenizerJson: { version: "1.0" },
        tokenizerConfig: { eos_token: "</s>" },
        generationConfig: { max_length: 20 },
        texts: { "README.md": "hello" },
      });
      const folder = openModelFolder(path);
      expect(folder.path).toBe(path);
      expect(folder.config).toEqual(config);
      expect(folder.tokenizerJson).toEqual({ version: "1.0" });
      expect(folder.tokenizerConfig).toEqual({ eos_token: "</s>" });
      expect(folder.generationConfig).toEqual({ max_length: 20 });
      expect(folder.files).toContain("README.md");
      expect(folder.metadata.get("format")).toBe("pt");
      expect(new Map([...folder.weights].map(([name, stored]) => [name, readStored(stored)]))).toEqual(
        new Map(tensors),
      );
      expect((await readdir(path)).filter((name) => name.startsWith("."))).toEqual([]);
    }
  });

  test("gives its tokenizer, or says why not", async () => {
    const path = join(root, "tokenizers");
    await writeModelFolder(path, { config, tensors });
    expect(thrown(() => openTokenizer(openModelFolder(path))).code).toBe("not_found");
    await put(join(path, "spiece.model"), "");
    expect(thrown(() => openTokenizer(openModelFolder(path)))).toMatchObject({
      code: "corrupt_file",
      message: /spiece\.model: holds no pieces/,
    });
    const folders = join(root, "tokenizer folders");
    await writeModelFolder(folders, { config, tensors });
    await mkdir(join(folders, "vocab.txt"));
    expect(thrown(() => openTokenizer(openModelFolder(folders)))).toMatchObject({ message: /vocab\.txt/ });
    const pieces = "0a080a016115000080bf" + "0a090a053c756e6b3e1802";
    await put(join(path, "spiece.model"), Buffer.from(pieces, "hex"));
    expect(openTokenizer(openModelFolder(path)).encode("a").pieces).toEqual(["▁", "a", "</s>"]);
    await put(join(path, "tokenizer_config.json"), '{"tokenizer_class":"LlamaTokenizer","bos_token":"a"}');
    expect(openTokenizer(openModelFolder(path)).encode("").ids).toEqual([0]);
    await put(join(path, "tokenizer_config.json"), '{"tokenizer_class":"XLNetTokenizer"}');
    expect(thrown(() => openTokenizer(openModelFolder(path)))).toMatchObject({ code: "unsupported", hint: /save/ });
    await put(join(path, "tokenizer.json"), '{"model":{"type":"Unigram","vocab":[["a"]]}}');
    const error = thrown(() => openTokenizer(openModelFolder(path)));
    expect(error).toMatchObject({ code: "corrupt_file", message: /model\.vocab\[0\]/ });
    await put(join(path, "tokenizer.json"), '{"model":{"type":"Unigram","vocab":[["a",-1]]}}');
    expect(openTokenizer(openModelFolder(path)).encode("aa").ids).toEqual([0, 0]);
  });

  test("names every file of its tokenizer", async () => {
    const path = join(root, "tokenizer files");
    await writeModelFolder(path, { config, tensors, texts: { "README.md": "x" } });
    const found = () => companions(openModelFolder(path), ["tokenizer"]).map(([name]) => name);
    expect(found()).toEqual([]);
    const names = ["added_tokens.json", "chat_template.jinja", "merges.txt", "spiece.model", "vocab.json"];
    for (const name of names) await put(join(path, name), "{}");
    await mkdir(join(path, "additional_chat_templates"));
    await put(join(path, "additional_chat_templates", "tools.jinja"), "");
    expect(found().sort()).toEqual([...names, "additional_chat_templates/tools.jinja"].sort());
  });

  test("is not replaced unless asked, and then keeps no weight file of the old one", async () => {
    const path = join(root, "replaced");
    await writeModelFolder(path, { config, tensors, maxShardBytes: 16 });
    await expect(writeModelFolder(path, { config, tensors })).rejects.toMatchObject({ code: "bad_input" });
    await writeModelFolder(path, { config, tensors, overwrite: true });
    expect((await readdir(path)).sort()).toEqual(["config.json", "model.safetensors"]);
  });

  test("without folder, configuration or weights is not found; an empty pickle is corrupt", async () => {
    expect(thrown(() => openModelFolder(join(root, "none"))).code).toBe("not_found");
    const path = join(root, "empty");
    await mkdir(path);
    expect(thrown(() => openModelFolder(path)).message).toContain("no config.json");
    await put(join(path, "config.json"), "{}");
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "not_found", message: /no weights/ });
    await put(join(path, "pytorch_model.bin"), "");
    expect(thrown(() => openModelFolder(path)).code).toBe("corrupt_file");
  });

  test.each([
    ["not JSON", "{", /not valid JSON/],
    ["a list", "[]", /expected a JSON object/],
    ["nested deeply", `{"a":"[","b":${"[".repeat(5000)}${"]".repeat(5000)}}`, /nested more than 500 deep/],
    ["too large", `"${"x".repeat((16 << 20) + 1)}"`, /at most/],
  ])("config.json: %s", async (name, text, message) => {
    const path = join(root, `config ${name}`);
    await put(join(path, "config.json"), text);
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "corrupt_file", message });
  });

  test.each<[string, unknown, RegExp]>([
    ["weight_map missing", {}, /weight_map must be an object/],
    ["shard missing", { weight_map: { x: "model-00009-of-00009.safetensors" } }, /is missing/],
    ["shard is a path", { weight_map: { x: "../model.safetensors" } }, /not a plain file name/],
    ["shard is absolute", { weight_map: { x: "/etc/passwd.safetensors" } }, /not a plain file name/],
    ["shard is a device", { weight_map: { x: "con.safetensors" } }, /not a plain file name/],
    ["shard is a number", { weight_map: { x: 3 } }, /not a plain file name/],
    ["shard of another kind", { weight_map: { x: "config.json" } }, /not a plain file name/],
  ])("index: %s", async (name, index, message) => {
    const path = join(root, `index ${name}`);
    await put(join(path, "config.json"), "{}");
    await put(join(path, "model.safetensors.index.json"), JSON.stringify(index));
    await writeSafetensors(join(path, "a.safetensors"), tensors);
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "corrupt_file", message });
  });

  describe("in several files", () => {
    const one = (value: number, ...names: string[]): [string, NdArray][] =>
      names.map((name) => [name, float32([4], [value, value, value, value])]);
    const file = (n: number, of: number, stem = "model", extension = "safetensors") =>
      `${stem}-${String(n).padStart(5, "0")}-of-${String(of).padStart(5, "0")}.${extension}`;
    let count = 0;
    const lay = async (files: Record<string, [string, NdArray][]>, map?: Record<string, string>) => {
      const path = join(root, `shards-${count++}`);
      await put(join(path, "config.json"), "{}");
      for (const [name, held] of Object.entries(files)) await writeSafetensors(join(path, name), held);
      if (map) await put(join(path, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
      return path;
    };

    test("what the files hold counts, not what the index says", async () => {
      const [first, second] = [file(1, 2), file(2, 2)];
      const path = await lay(
        { [first]: one(1, "a", "extra"), [second]: one(2, "b") },
        { a: second, b: second, copy: first },
      );
      const { weights, absent } = openModelFolder(path);
      expect([...weights.keys()].sort()).toEqual(["a", "b", "extra"]);
      expect([...readStored(weights.get("a")!).data]).toEqual([1, 1, 1, 1]);
      expect([...absent!]).toEqual([["copy", first]]);
    });

    test("without an index all files with numbers are opened, and one that lacks is named", async () => {
      const files = { [file(1, 3)]: one(1, "a"), [file(2, 3)]: one(2, "b"), [file(3, 3)]: one(3, "c") };
      expect([...openModelFolder(await lay(files)).weights.keys()]).toEqual(["a", "b", "c"]);
      const path = await lay({ [file(1, 3)]: one(1, "a"), [file(3, 3)]: one(3, "c") });
      expect(thrown(() => openModelFolder(path))).toMatchObject({
        code: "corrupt_file",
        message: /shard model-00002-of-00003\.safetensors is missing/,
      });
      const two = await lay({ [file(1, 1)]: one(1, "a"), [file(1, 2)]: one(1, "a"), [file(2, 2)]: one(1, "b") });
      expect(thrown(() => openModelFolder(two)).message).toMatch(/two sets of weight files \(of-00001 and of-00002\)/);
      const many = await lay({ "model-00001-of-99999.safetensors": one(1, "a") });
      expect(thrown(() => openModelFolder(many)).message).toMatch(/weights in 99999 files/);
    });

    test("a tensor in two files is one tensor where it is the same, else both files are named", async () => {
      const same = { [file(1, 2)]: one(1, "a", "t"), [file(2, 2)]: one(1, "b", "t") };
      expect([...openModelFolder(await lay(same)).weights.keys()]).toEqual(["a", "t", "b"]);
      for (const other of [one(2, "t"), [["t", float32([2, 2], [1, 1, 1, 1])]] as [string, NdArray][]]) {
        const path = await lay({ [file(1, 2)]: one(1, "t"), [file(2, 2)]: other });
        expect(thrown(() => openModelFolder(path))).toMatchObject({
          code: "corrupt_file",
          message: /"t" is in model-00001-of-00002\.safetensors and, with other content, in model-00002-of-00002/,
        });
      }
    });

    test("torch's files likewise", async () => {
      const path = join(root, "torch-shards");
      const fixture = new URL("../../test/fixtures/torch/t5-sharded/", import.meta.url);
      for (const name of ["config.json", file(1, 2, "pytorch_model", "bin"), file(2, 2, "pytorch_model", "bin")]) {
        await put(join(path, name), await readFile(new URL(name, fixture)));
      }
      const wanted = openModelFolder(fileURLToPath(fixture)).weights;
      expect([...openModelFolder(path).weights.keys()].sort()).toEqual([...wanted.keys()].sort());
    });
  });

  test("is opened by parts: without weights, without a configuration, with weights unread", async () => {
    const path = join(root, "parts");
    await put(join(path, "tokenizer.json"), '{"version":"1.0"}');
    expect(thrown(() => openModelFolder(path, { weights: "unread" })).message).toContain("no config.json");
    expect(openModelFolder(path, { weights: "optional", config: "optional" }).config).toEqual({});
    await put(join(path, "config.json"), '{"quantization_config":{"quant_method":"gptq"}}');
    await put(join(path, "model.safetensors"), "damaged");
    const folder = openModelFolder(path, { weights: "unread" });
    expect(folder.weights.size).toBe(0);
    expect(folder.tokenizerJson).toEqual({ version: "1.0" });
    expect(thrown(() => openModelFolder(path, { weights: "optional" })).code).toBe("unsupported");
    await put(join(path, "config.json"), "{}");
    expect(thrown(() => openModelFolder(path, { weights: "optional" })).code).toBe("corrupt_file");
    await rm(join(path, "model.safetensors"));
    expect(openModelFolder(path, { weights: "optional" }).weights.size).toBe(0);
  });

  test("quantised by another program is unsupported, by its name or by its tensors", async () => {
    const path = join(root, "foreign");
    const quantization_config = { quant_method: "bitsandbytes", load_in_8bit: true };
    await writeModelFolder(path, { config: { ...config, quantization_config }, tensors });
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "unsupported", message: /"bitsandbytes"/ });
    const int8 = ndarray("int8", [4], Int8Array.of(1, 2, 3, 4));
    await writeModelFolder(path, { config, tensors: [...tensors, ["q.weight", int8]], overwrite: true });
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "unsupported", message: /"q.weight".*int8/ });
  });

  test.skipIf(process.platform === "win32")("with a pipe for a file is refused and not waited for", async () => {
    for (const name of [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "spiece.model",
      "generation_config.json",
    ]) {
      const path = await mkdtemp(join(root, "pipe-"));
      await writeModelFolder(path, { config, tensors });
      await rm(join(path, name), { force: true });
      makePipe(join(path, name));
      expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "bad_input", message: /is not a file/ });
    }
  });

  test.each(["config.json", "model.safetensors", "generation_config.json"])(
    "whose %s was not fetched says so",
    async (name) => {
      const path = await mkdtemp(join(root, "pointer-"));
      await writeModelFolder(path, { config, tensors });
      await put(join(path, name), `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`);
      const error = thrown(() => openModelFolder(path));
      expect(error.message).toBe(`${join(path, name)}: is a Git LFS pointer, the file was not fetched`);
    },
  );

  test("is not left through a link", async () => {
    const path = join(root, "links");
    await put(join(path, "config.json"), "{}");
    await writeSafetensors(join(root, "outside.safetensors"), tensors);
    await symlink(join(root, "outside.safetensors"), join(path, "model.safetensors"));
    expect(thrown(() => openModelFolder(path))).toMatchObject({ code: "corrupt_file", message: /leads outside/ });
    await rm(join(path, "model.safetensors"));
    await symlink("model.safetensors", join(path, "model.safetensors"));
    expect(thrown(() => openModelFolder(path)).code).toBe("bad_input");
  });
});

describe("a name", () => {
  test.each<[string, (home: string) => Record<string, string>, string]>([
    ["HF_HUB_CACHE", (home) => ({ HF_HUB_CACHE: join(home, "a") }), "a"],
    ["HUGGINGFACE_HUB_CACHE", (home) => ({ HUGGINGFACE_HUB_CACHE: join(home, "b") }), "b"],
    ["HF_HOME", (home) => ({ HF_HOME: join(home, "c") }), "c/hub"],
    ["XDG_CACHE_HOME", (home) => ({ XDG_CACHE_HOME: join(home, "d") }), "d/huggingface/hub"],
    ["HOME", (home) => ({ HOME: home }), ".cache/huggingface/hub"],
  ])("is found in the cache of %s, its weights in the blobs", async (label, environment, place) => {
    const home = join(root, `home ${label}`);
    const cache = join(home, place);
    const repo = await makeCache(cache, "models--acme--tiny", "0123abcd");
    const env = environment(home);
    for (const name of ["acme/tiny", "acme/tiny@main", "acme/tiny@pr/1", "acme/tiny@0123abcd"]) {
      const found = resolveModel(name, { env, allowPaths: false });
      expect(found).toMatchObject({ source: "cache", revision: "0123abcd", name: "acme/tiny" });
      const folder = openModelFolder(found.path);
      const stored = folder.weights.get("x")!;
      expect("file" in stored && stored.file).toBe(join(repo, "blobs", "hash-model.safetensors"));
    }
    const error = thrown(() => resolveModel("acme/tinny", { env }));
    expect(error).toMatchObject({ code: "not_found", hint: /acme\/tiny/ });
    expect(error.message).toContain(cache);
    expect(thrown(() => resolveModel("acme/tiny@other", { env })).code).toBe("not_found");
  });

  test("a ref that leads out of the snapshots is refused", async () => {
    const cache = join(root, "bad refs");
    const repo = await makeCache(cache, "models--acme--tiny", "0123abcd");
    await put(join(repo, "refs", "main"), "../../../..");
    expect(thrown(() => resolveModel("acme/tiny", { env: { HF_HUB_CACHE: cache } })).code).toBe("corrupt_file");
  });

  test("a folder wins, a file is refused, a tilde is home", async () => {
    await writeModelFolder(join(root, "mine"), { config, tensors });
    expect(resolveModel(join(root, "mine"))).toMatchObject({ source: "path", path: join(root, "mine") });
    expect(resolveModel("~/mine", { env: { HOME: root } }).path).toBe(join(root, "mine"));
    expect(thrown(() => resolveModel(join(root, "mine", "config.json"))).code).toBe("bad_input");
  });

  const hostile = [
    "",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "..\\x",
    "a\\b",
    "\\\\host\\share",
    "/etc/passwd",
    "./x",
    "~/x",
    "C:\\x",
    "c:/x",
    "C:x",
    "%2e%2e/x",
    "a/%2e%2e",
    "a\u0000b",
    "a\nb",
    "con",
    "a/CON",
    "nul.txt",
    "a/aux.json",
    "lpt1",
    "COM9",
    "a".repeat(300),
    `a/${"b".repeat(97)}`,
    "a.",
    "a/b.",
    ".git",
    "a/.hidden",
    "-rf",
    "a--b/c",
    "a/b/c",
    "a//b",
    "/",
    "a/",
    "a b",
    "a/b@../../x",
    "a/b@",
    "a/b@x@y",
    "a/b@/x",
    "a/b@x..y",
    "$HOME",
    "a;b",
    "a|b",
    "https://example.org/x",
    "a/b?x",
    "a/b#x",
    "a*",
  ]; // prettier-ignore
  test.each(hostile)("hostile name %j is refused before any look at the disk", (name) => {
    const env = new Proxy({}, { get: () => expect.unreachable("looked for a folder") });
    expect(thrown(() => resolveModel(name, { env, allowPaths: false })).code).toBe("bad_input");
  });
});
