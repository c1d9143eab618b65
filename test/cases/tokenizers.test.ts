/** Tokenizers of every kind of file, through the program: what is declared beside them, and what is written on. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { readJson } from "../support/fixtures.ts";
import { smallModel, smallPieces, spieceModel } from "../support/models/small-model.ts";
import { makePipe } from "../support/pipe.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cases-tokenizers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = runIn(folder);

const tokenize = (model: string, ...texts: string[]) => {
  const ran = run(["tokenize", ...texts, "--model", model, "--json"]);
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  return rowsOf(ran).map(({ tokens, pieces }) => ({ tokens: tokens as number[], pieces: pieces as string[] }));
};
const answer = (model: string) => {
  const ran = run(["generate", "hi", "--model", model, "--max-new-tokens", "4", "--json"]);
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  return rowsOf(ran)[0]!.tokens;
};

const spiece = { "tokenizer.json": undefined, "spiece.model": spieceModel(smallPieces()) };
/** Beside a SentencePiece model: two tokens that it does not have, and one that it does. */
const declared = {
  "tokenizer_config.json": {
    tokenizer_class: "T5Tokenizer",
    extra_ids: 0,
    eos_token: "</s>",
    pad_token: "<pad>",
    unk_token: "<unk>",
  },
  "added_tokens.json": { "<=": 259, "[tag]": 260 },
  "special_tokens_map.json": { eos_token: "</s>", additional_special_tokens: ["[tag]"] },
};

beforeAll(async () => {
  await smallModel(join(folder, "spiece"), { files: { ...spiece, ...declared } });
});

describe("tokens declared outside of the vocabulary", () => {
  test("beside a SentencePiece model: found in the text, there and back, also in what is written", () => {
    const texts = ["a<=b", "the [tag] er"];
    const [first, second] = tokenize("./spiece", ...texts);
    expect(first!.pieces).toEqual(["▁a", "<=", expect.stringMatching(/^▁?b$/), "</s>"]);
    expect(first!.tokens[1]).toBe(259);
    expect(second!.tokens).toContain(260);
    for (const [command, out] of [
      [["export", "./spiece", "--format", "safetensors"], "spiece e"],
      [["quantize", "./spiece", "--dtype", "int8"], "spiece q"],
    ] as const) {
      expect(run([...command, "--out", out]).status).toBe(0);
      expect(tokenize(join(folder, out), ...texts)).toEqual([first, second]);
    }
  });

  test("in tokenizer_config.json beside tokenizer.json", async () => {
    const { added_tokens_decoder } = {
      added_tokens_decoder: {
        259: { content: "<tbl>", special: false, lstrip: false, rstrip: false, normalized: false, single_word: false },
      },
    };
    const files = {
      "tokenizer_config.json": { ...readJson<object>("rank", "tokenizer_config.json"), added_tokens_decoder },
    };
    const path = await smallModel(join(folder, "declared"), { files });
    const [row] = tokenize(path, "see<tbl>x");
    expect(row!.tokens.filter((id) => id === 259)).toEqual([259]);
    expect(row!.pieces).toContain("<tbl>");
  });
});

describe("a tokenizer that is SentencePiece's file alone", () => {
  test.each([
    ["export", "--format", "safetensors"],
    ["export", "--format", "onnx"],
    ["export", "--format", "transformers.js"],
    ["quantize", "--dtype", "int8"],
  ])("is carried along by zeroth %s %s %s", (command, ...options) => {
    const out = `carried ${command} ${options.at(-1)}`;
    expect(run([command, "./spiece", ...options, "--out", out])).toMatchObject({ status: 0, stderr: "" });
    for (const name of ["spiece.model", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"]) {
      expect(readFileSync(join(folder, out, name))).toEqual(readFileSync(join(folder, "spiece", name)));
    }
    if (existsSync(join(folder, out, "model.safetensors")))
      expect(answer(join(folder, out))).toEqual(answer("./spiece"));
  });

  test("is trained with and written", () => {
    writeFileSync(join(folder, "pairs.jsonl"), `${JSON.stringify({ prompt: "the a", target: "b" })}\n`);
    const config = { model: "./spiece", data: { train: "pairs.jsonl" }, batch: 1, steps: 1, out: "trained" };
    writeFileSync(join(folder, "spiece.json"), JSON.stringify({ ...config, optimizer: { name: "sgd", lr: 0 } }));
    expect(run(["train", "--config", "spiece.json"]).status).toBe(0);
    expect(tokenize("./trained", "a<=b")).toEqual(tokenize("./spiece", "a<=b"));
    expect(answer("./trained")).toEqual(answer("./spiece"));
  });
});

describe("without a vocabulary, or with one of its own kind", () => {
  test("bytes: the class needs no file", async () => {
    const files = { "tokenizer.json": undefined, "tokenizer_config.json": { tokenizer_class: "ByT5Tokenizer" } };
    const path = await smallModel(join(folder, "bytes"), { files });
    expect(tokenize(path, "hé")[0]!.tokens).toEqual([104 + 3, 0xc3 + 3, 0xa9 + 3, 1]);
    expect(answer(path)).toHaveLength(4);
  });

  test("vocab.json with merges.txt", async () => {
    const vocab = Object.fromEntries(["<unk>", "h", "i", "hi", "Ġ", "Ġhi"].map((piece, id) => [piece, id]));
    const files = {
      "tokenizer.json": undefined,
      "tokenizer_config.json": { tokenizer_class: "GPT2Tokenizer", unk_token: "<unk>" },
      "vocab.json": vocab,
      "merges.txt": "#version: 0.2\nh i\nĠ hi\n",
    };
    const path = await smallModel(join(folder, "pairs"), { files });
    expect(tokenize(path, "hi hi")[0]!.tokens).toEqual([3, 5]);
  });

  test("none at all: the files that would do are named", async () => {
    const path = await smallModel(join(folder, "none"), { files: { "tokenizer.json": undefined } });
    const { status, stderr } = run(["tokenize", "hi", "--model", path]);
    expect([status, stderr]).toEqual([3, expect.stringMatching(/tokenizer\.json.*spiece\.model.*vocab\.txt/)]);
  });
});

test("a tokenizer is asked without weights, and without their being read", async () => {
  const path = await smallModel(join(folder, "bare"), { tensors: () => [] });
  expect(tokenize(path, "hi")).toEqual(tokenize(await smallModel(join(folder, "whole")), "hi"));
});

test.skipIf(process.platform === "win32").each(["tokenizer.json", "spiece.model", "added_tokens.json"])(
  "a pipe in the place of %s is refused and not waited for",
  async (name) => {
    const files = { ...(name === "tokenizer.json" ? {} : spiece), ...declared, [name]: undefined };
    const path = await smallModel(join(folder, `pipe ${name}`), { files });
    makePipe(join(path, name));
    const { status, stderr } = run(["tokenize", "hi", "--model", path]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("is not a file")]);
  },
);

test("a page in the place of a tokenizer's file says that it is one", async () => {
  for (const name of ["tokenizer.json", "spiece.model"]) {
    const files = { "tokenizer.json": undefined, [name]: "<!DOCTYPE html><html><body>sign in</body></html>" };
    const path = await smallModel(join(folder, `page ${name}`), { files });
    const { status, stderr } = run(["tokenize", "hi", "--model", path]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(new RegExp(`${name}.*is an HTML page`))]);
  }
});

describe("the tokenizer of a training configuration", () => {
  const rows = join(folder, "rows.jsonl");
  const sizes = { d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2, num_layers: 1, vocab_size: 300 };
  const configured = (name: string, tokenizer: string, out: string) => {
    writeFileSync(rows, `${JSON.stringify({ prompt: "hi", target: "a" })}\n`);
    const data = { train: rows };
    const config = { architecture: "t5", sizes, tokenizer, data, batch: 1, steps: 1, out: join(folder, out) };
    writeFileSync(join(folder, name), JSON.stringify(config));
    return run(["train", "--config", name]);
  };

  beforeAll(async () => {
    await smallModel(join(folder, "settings/own"), {});
    writeFileSync(join(folder, "settings/mine.json"), readFileSync(join(folder, "settings/own/tokenizer.json")));
    await smallModel(join(folder, "settings/alone"), {
      tensors: () => [],
      files: { ...spiece, ...declared, "config.json": undefined },
    });
  });

  test.each([
    ["a file, from the configuration's folder", "mine.json", "tokenizer.json"],
    ["a folder, from there too", "./own", "tokenizer.json"],
    ["a folder without a point before it", "own", "tokenizer.json"],
    ["a folder with nothing but a tokenizer", "./alone", "spiece.model"],
    ["a model's name", "zeroth-nano", "tokenizer.json"],
  ])("is %s", (label, tokenizer, file) => {
    const out = `trained ${label}`;
    const vocabulary = tokenizer === "zeroth-nano" ? 8192 : 300;
    Object.assign(sizes, { vocab_size: vocabulary });
    const ran = configured("settings/train.json", tokenizer, out);
    expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining("done")]);
    expect(existsSync(join(folder, out, file))).toBe(true);
    expect(tokenize(join(folder, out), "hi")[0]!.tokens.length).toBeGreaterThan(1);
  });

  test("that is not there is named as it was looked for", () => {
    const { status, stderr } = configured("settings/train.json", "other.json", "never");
    expect([status, stderr]).toEqual([3, expect.stringContaining(join("settings", "other.json"))]);
    const named = configured("settings/train.json", "zeroth-nono", "never");
    expect([named.status, named.stderr]).toEqual([3, expect.stringMatching(/zeroth-nono[\s\S]*zeroth-nano/)]);
  });
});
