import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readStored } from "../weights/safetensors-node.ts";
import { fetchModelFolder, fetchModelParts } from "./fetch-web.ts";
import { openModelFolder } from "./open-node.ts";

const tokenizer = readFileSync(new URL("../../test/fixtures/tokenizers/unigram.json", import.meta.url), "utf8");
const model = readFileSync(new URL("../../test/fixtures/t5/tied-relu/model.safetensors", import.meta.url));

/** A server in memory; what is not there is 404. */
function serving(files: Record<string, string | Uint8Array>, headers: Record<string, string> = {}) {
  return async (address: string) => {
    const name = address.slice("http://host/m/".length);
    const body = files[name];
    if (body === undefined) return new Response("nothing", { status: 404 });
    return new Response(body as BodyInit, { headers: name === "model.safetensors" ? headers : {} });
  };
}
const files = { "config.json": "{}", "tokenizer.json": tokenizer, "model.safetensors": new Uint8Array(model) };
const open = (fetch: ReturnType<typeof serving>) => fetchModelFolder("http://host/m", { fetch });

test.each([
  ["unknown", {}],
  ["announced", { "content-length": `${model.length}` }],
  ["that of the compressed", { "content-length": "100", "content-encoding": "gzip" }],
])("weights are views of the file, its size %s", async (_, headers: Record<string, string>) => {
  const seen: (number | undefined)[] = [];
  const onProgress = (received: number, total: number | undefined) => seen.push(received, total);
  const { weights } = await fetchModelFolder("http://host/m/", { fetch: serving(files, headers), onProgress });
  const [first, ...rest] = [...weights.values()].map((stored) => "data" in stored && stored.data.buffer);
  expect(rest.every((buffer) => buffer === first)).toBe(true);
  expect(seen.at(-2)).toBe(model.length);
});

test("what is missing or damaged is named", async () => {
  const { "tokenizer.json": _, ...without } = files;
  await expect(open(serving(without))).rejects.toMatchObject({
    code: "not_found",
    where: "http://host/m",
  });
  await expect(open(serving({ ...files, "config.json": "[]" }))).rejects.toMatchObject({ code: "corrupt_file" });
  const cut = { ...files, "model.safetensors": new Uint8Array(model.subarray(0, model.length - 4)) };
  await expect(open(serving(cut))).rejects.toMatchObject({ code: "corrupt_file" });
  const longer = serving(files, { "content-length": `${model.length - 4}` });
  await expect(open(longer)).rejects.toMatchObject({ code: "corrupt_file" });
  const down = async (): Promise<Response> => {
    throw new TypeError("fetch failed");
  };
  await expect(fetchModelFolder("http://host/m", { fetch: down })).rejects.toMatchObject({ code: "not_found" });
});

test("a GGUF file at an address: its blocks become numbers, its tokenizer is in it", async () => {
  const gguf = readFileSync(new URL("../../test/fixtures/gguf/llama.gguf", import.meta.url));
  const fetch = serving({ "tiny.gguf": new Uint8Array(gguf) });
  const { config, weights, tokenizer, generationConfig } = await fetchModelFolder("http://host/m/tiny.gguf", { fetch });
  expect(config).toMatchObject({ model_type: "llama", vocab_size: 290 });
  expect(generationConfig).toMatchObject({ eos_token_id: [287, 289] });
  const types = new Set([...weights.values()].map((stored) => ("data" in stored ? stored.dtype : "elsewhere")));
  expect([...types].sort()).toEqual(["float16", "float32"]);
  const q = weights.get("model.layers.0.self_attn.q_proj.weight")!;
  const file = fileURLToPath(new URL("../../test/fixtures/gguf/llama.gguf", import.meta.url));
  const same = readStored(openModelFolder(file).weights.get("model.layers.0.self_attn.q_proj.weight")!);
  expect(readStored(q)).toEqual(same);
  expect(tokenizer.encode("<|im_start|>").ids).toEqual([288]);
  await expect(fetchModelFolder("http://host/m/none.gguf", { fetch })).rejects.toMatchObject({ code: "not_found" });
});

test("a model of images needs no tokenizer until somebody asks for it", async () => {
  const { "tokenizer.json": _, ...without } = files;
  const { weights, tokenizer } = await fetchModelParts("http://host/m", { fetch: serving(without) });
  expect(weights.size).toBeGreaterThan(0);
  await expect(tokenizer()).rejects.toMatchObject({ code: "not_found", where: "http://host/m" });
});

test("chat templates: a file of their own before the tokenizer's configuration, none where there is none", async () => {
  const templates = async (more: Record<string, string>) => {
    const { chatTemplates } = await fetchModelParts("http://host/m", { fetch: serving({ ...files, ...more }) });
    return Object.fromEntries(await chatTemplates());
  };
  expect(await templates({})).toEqual({});
  const configured = {
    "tokenizer_config.json": JSON.stringify({
      chat_template: [
        { name: "rag", template: "r" },
        { name: "default", template: "d" },
      ],
    }),
  };
  expect(await templates(configured)).toEqual({ rag: "r", default: "d" });
  expect(await templates({ ...configured, "chat_template.jinja": "j" })).toEqual({ rag: "r", default: "j" });
  expect(await templates({ "chat_template.json": '{"chat_template":"p"}' })).toEqual({ default: "p" });
  await expect(templates({ "chat_template.jinja": "<!doctype html><html></html>" })).rejects.toThrow(/an HTML page/);
  await expect(templates({ "chat_template.jinja": "x".repeat((1 << 20) + 1) })).rejects.toThrow(/at most 1048576/);
});

test("quantised weights that would not fit in a page as numbers are refused before any is made", async () => {
  const [out, blocks] = [1 << 16, 300];
  const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
    ...{ dtype, shape, data_offsets: [begin, end] },
  });
  const [values, scales] = [out * blocks * 16, out * blocks * 4];
  const header = Buffer.from(
    JSON.stringify({
      "w.int4": entry("U8", [out, blocks, 16], 0, values),
      "w.scale": entry("F32", [out, blocks], values, values + scales),
    }),
  );
  // Pages of memory that nobody touches take none.
  const bytes = new Uint8Array(8 + header.length + values + scales);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  const files = serving({ "config.json": "{}", "tokenizer.json": tokenizer });
  const fetch = async (address: string): Promise<Response> =>
    address.endsWith(".safetensors")
      ? ({ ok: true, body: null, headers: new Headers(), arrayBuffer: async () => bytes.buffer } as unknown as Response)
      : files(address);
  await expect(fetchModelFolder("http://host/m", { fetch })).rejects.toMatchObject({
    code: "out_of_memory",
    where: "http://host/m",
    message: expect.stringContaining("2.5 GB"),
  });
});
