/** Pictures that are sent to a server: classes and vectors as the model gives them of the files. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshFolder, vitConfig } from "../../test/support/models/fresh.ts";
import { smallRetriever } from "../../test/support/models/small-retriever.ts";
import type { Engine } from "../host/engine.ts";
import { localEngine } from "../host/local-node.ts";
import { openVisionModel } from "../images/open-node.ts";
import { createServer, type ZerothServer } from "./app.ts";

const home = mkdtempSync(join(tmpdir(), "zeroth-pictures-"));
const colours = ["#c81e0a", "#0a1ec8", "#3c9b40"];
let pictures: Buffer[];
let engine: Engine;
let server: ZerothServer;
let wanted: { label: string; scores: number[]; vector: number[] }[];

beforeAll(async () => {
  const model = await freshFolder(join(home, "model"), vitConfig);
  const { id2label: _, ...bare } = vitConfig;
  cpSync(model, join(home, "bare"), { recursive: true });
  writeFileSync(join(home, "bare", "config.json"), JSON.stringify({ ...bare, architectures: ["ViTModel"] }));
  await smallRetriever(join(home, "reader"), { words: ["the", "cat"] });
  pictures = await Promise.all(
    colours.map((background) =>
      sharp({ create: { width: 20, height: 12, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  await using seeing = await openVisionModel(model, { threads: 1 });
  const names = Object.values(vitConfig.id2label);
  wanted = await Promise.all(
    pictures.map(async (picture, i) => {
      const path = join(home, `${i}.png`);
      writeFileSync(path, picture);
      const { pixels } = await seeing.read(path);
      const { scores } = (await seeing.classify([pixels]))[0]!;
      const [vector] = await seeing.features([pixels]);
      return { label: names[scores.indexOf(Math.max(...scores))]!, scores, vector: [...vector!] };
    }),
  );
  engine = localEngine({ folders: { see: model, bare: join(home, "bare"), read: join(home, "reader") }, threads: 1 });
  server = createServer({ engine });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

interface Answer {
  readonly data: readonly { readonly embedding: string | number[] }[];
  readonly error?: { readonly message: string };
}

async function post(path: string, body: object) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await server.fetch(new Request(`http://localhost${path}`, init));
  return { status: answer.status, json: (await answer.json()) as Answer };
}
const url = (picture: Uint8Array) => `data:image/png;base64,${Buffer.from(picture).toString("base64")}`;
const closeTo = (numbers: readonly number[]) => numbers.map((value) => expect.closeTo(value, 5));

test("classes of pictures, all of them or some, as of the same files on disk", async () => {
  const rows = pictures.map((picture, i) => ({ image: i === 0 ? picture.toString("base64") : url(picture) }));
  const { status, json } = await post("/v1/score", { model: "see", rows });
  expect(status).toBe(200);
  expect(json.data).toMatchObject(
    wanted.map(({ label, scores }, index) => ({
      ...{ index, object: "classes", label },
      choices: ["cat", "dog", "fish"].map((name, i) => ({ label: name, share: expect.closeTo(scores[i]!, 5) })),
    })),
  );
  const some = await post("/v1/score", { model: "see", image: url(pictures[1]!), choices: ["fish", "cat"] });
  const [cat, , fish] = wanted[1]!.scores as [number, number, number];
  expect(some.json.data).toMatchObject([
    { choices: [{ label: "fish", share: expect.closeTo(fish / (fish + cat), 5) }, { label: "cat" }] },
  ]);
});

test("where the model looked, as it is told of the file on disk", async () => {
  const { json } = await post("/v1/score", { model: "see", image: url(pictures[2]!), where: true });
  await using seeing = await openVisionModel(join(home, "model"), { threads: 1 });
  const { pixels } = await seeing.read(join(home, "2.png"));
  const { heat, ...told } = await seeing.explain(pixels);
  expect(json.data).toMatchObject([
    { where: { ...told, heat: closeTo([...heat]), region: { left: 0, top: 0, width: 20, height: 12 } } },
  ]);
});

test("vectors of pictures, as numbers or base64, one or many", async () => {
  const input = pictures.map((picture) => ({ image: url(picture) }));
  const many = await post("/v1/embeddings", { model: "see", input });
  expect(many.json.data).toMatchObject(
    wanted.map(({ vector }, index) => ({ index, object: "embedding", embedding: closeTo(vector) })),
  );
  const one = await post("/v1/embeddings", { model: "see", input: input[0], encoding_format: "base64" });
  expect(one.status).toBe(200);
  expect(Buffer.from(one.json.data[0]!.embedding as string, "base64").length).toBe(4 * 64);
});

test("what each can is told before it is opened", async () => {
  const can = await Promise.all(["see", "bare", "read"].map(async (model) => (await engine.about(model)).can));
  expect(can).toEqual([["embed", "classify"], ["embed"], ["embed"]]);
});

const refused: readonly [string, string, object, number, RegExp][] = [
  ["an address", "/v1/score", { image: "http://127.0.0.1/cat.png" }, 400, /'image' is an address: pictures are sent/],
  ["no base64", "/v1/score", { image: "data:image/png;base64,%%%" }, 400, /'image' is no base64/],
  ["no picture", "/v1/score", { image: btoa("hello, world") }, 400, /no whole picture/],
  ["a text", "/v1/score", { input: "a cat" }, 400, /'image' is needed, a picture|reads pictures/],
  ["both", "/v1/score", { image: "aGk=", input: "a cat" }, 400, /'input' goes with a text, not with an 'image'/],
  ["another class", "/v1/score", { image: "PNG", choices: ["cow"] }, 400, /"cow" is no class of the model/],
  ["a text as vector", "/v1/embeddings", { input: "a cat" }, 400, /the model reads pictures/],
  ["other dimensions", "/v1/embeddings", { input: { image: "PNG" }, dimensions: 8 }, 400, /are whole/],
  ["texts between pictures", "/v1/embeddings", { input: [{ image: "PNG" }, "a cat"] }, 400, /input/],
  ["where an encoder looks", "/v1/score", { model: "read", input: "a cat", where: true }, 400, /'where' is for/],
  ["a picture to a reader", "/v1/embeddings", { model: "read", input: { image: "PNG" } }, 400, /reads texts/],
  ["a prompt", "/v1/completions", { prompt: "a cat" }, 400, /cannot read texts/],
];

test.each(refused)("refused: %s", async (_, path, body, status, message) => {
  const given = JSON.parse(JSON.stringify(body).replace('"PNG"', JSON.stringify(url(pictures[0]!)))) as object;
  const { status: told, json } = await post(path, { model: "see", ...given });
  expect([told, json.error?.message]).toEqual([status, expect.stringMatching(message)]);
});

test("of many pictures the broken one is named", async () => {
  const input = [{ image: url(pictures[0]!) }, { image: url(pictures[1]!.subarray(0, 60)) }];
  const { json } = await post("/v1/embeddings", { model: "see", input });
  expect(json.error?.message).toMatch(/row 2.*no whole picture/);
});

test("a model without classes tells none", async () => {
  const { status, json } = await post("/v1/score", { model: "bare", image: url(pictures[0]!) });
  expect([status, json.error?.message]).toEqual([400, expect.stringMatching(/image/)]);
});
