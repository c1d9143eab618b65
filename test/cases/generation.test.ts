/** generation_config.json through the program: what belongs to the model is taken, what is advice is said. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { readJson } from "../support/fixtures.ts";
import { type Changes, smallModel } from "../support/models/small-model.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cases-generation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = runIn(folder);

let made = 0;
const model = (generation: object | undefined, changes: Changes = {}) =>
  smallModel(join(folder, `model-${made++}`), { ...changes, files: { "generation_config.json": generation } });

const row = JSON.stringify({ tokens: [104, 72, 35, 118, 1] });
const generate = (path: string, ...options: string[]) => {
  const ran = run(["generate", "--model", path, "--input", "-", "--json", ...options], row);
  const [first] = rowsOf(ran);
  return { ...ran, tokens: first?.tokens as number[], finish: first?.finish };
};
const six = ["--max-new-tokens", "6"];

let plain: number[];
beforeAll(async () => {
  plain = generate(await model(undefined), ...six).tokens;
  expect(plain).toHaveLength(6);
});

describe("what belongs to the model", () => {
  test("the start token", async () => {
    const said = { decoder_start_token_id: 77, eos_token_id: 1, pad_token_id: 0 };
    const { tokens, stderr } = generate(await model(said), ...six);
    const inConfig = await model(undefined, { config: { decoder_start_token_id: 77 } });
    expect([tokens, stderr]).toEqual([generate(inConfig, ...six).tokens, ""]);
    expect(tokens).not.toEqual(plain);
  });

  test("one end token, several, and those of config.json where the file names none", async () => {
    // A token that is written for the first time in the third place or later.
    const at = plain.findIndex((token, i) => i > 0 && plain.indexOf(token) === i);
    const end = plain[at]!;
    const cut = plain.slice(0, at + 1);
    for (const path of [
      await model({ eos_token_id: end }),
      await model({ eos_token_id: [1, end] }),
      await model({ pad_token_id: 0, bos_token_id: null }, { config: { eos_token_id: end } }),
      await model(undefined, { config: { eos_token_id: end } }),
    ]) {
      for (const way of [[], ["--num-beams", "1", "--repetition-penalty", "1"]]) {
        const { tokens, finish, stderr } = generate(path, ...six, ...way);
        expect([tokens, finish, stderr]).toEqual([cut, "stop", ""]);
      }
    }
  });

  test("forced first and last tokens, greedily and with beams", async () => {
    const path = await model({ forced_bos_token_id: 9, forced_eos_token_id: 1 });
    for (const way of [[], ["--num-beams", "3"], ["--sample", "--seed", "3"]]) {
      const { tokens } = generate(path, "--max-new-tokens", "4", ...way);
      expect([tokens[0], tokens.at(-1)]).toEqual([9, 1]);
    }
    // Where there is room for one, it is the last, as in the reference.
    expect(generate(path, "--max-new-tokens", "1").tokens).toEqual([1]);
  });

  test.each([
    [{ eos_token_id: 100_000 }, /token 100000 is outside the vocabulary of 259/],
    [{ eos_token_id: "x" }, /eos_token_id/],
    [{ forced_bos_token_id: 4000 }, /token 4000 is outside/],
    [{ decoder_start_token_id: -5 }, /decoder_start_token_id/],
  ])("%j is a damaged file", async (said, message) => {
    const { status, stderr } = run(["generate", "hi", "--model", await model(said)]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr).toContain("generation_config.json");
  });

  test("an end token of config.json that no answer can hold is a damaged file too", async () => {
    const path = await model({ pad_token_id: 0 }, { config: { eos_token_id: 100_000 } });
    const { status, stderr } = run(["generate", "hi", "--model", path]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/config\.json: token 100000 is outside/)]);
  });
});

describe("what is advice", () => {
  const advice = { num_beams: 3, length_penalty: 0.5, max_length: 5, no_repeat_ngram_size: 2 };
  const line =
    "generation_config.json recommends --max-new-tokens 4, --num-beams 3, --length-penalty 0.5, --no-repeat-ngram 2 (--model-defaults)\n";

  test("is said in one line, changes nothing, and is taken when asked for", async () => {
    const path = await model(advice);
    const told = generate(path, ...six);
    expect([told.tokens, told.stderr]).toEqual([plain, line.replace("--max-new-tokens 4, ", "")]);
    expect(run(["generate", "hi", "--model", path, "--max-new-tokens", "1", "--quiet"]).stderr).toBe("");
    const taken = generate(path, "--model-defaults");
    const asked = generate(
      path,
      "--num-beams",
      "3",
      "--length-penalty",
      "0.5",
      "--max-new-tokens",
      "4",
      "--no-repeat-ngram",
      "2",
    );
    expect(taken.tokens).toEqual(asked.tokens);
    expect(taken.tokens.length).toBeLessThanOrEqual(4);
    expect(taken.stderr).toMatch(/^taken from generation_config\.json: --max-new-tokens 4, --num-beams 3/);
  });

  test("gives way to what is asked for: other lengths, drawing instead of beams", async () => {
    const path = await model(advice);
    const drawn = generate(path, "--model-defaults", "--sample", "--seed", "5", "--temperature", "2", ...six);
    expect(drawn.tokens).toEqual(
      generate(path, "--sample", "--seed", "5", "--temperature", "2", "--no-repeat-ngram", "2", ...six).tokens,
    );
    expect(drawn.tokens).toHaveLength(6);
    const warm = await model({ do_sample: true, temperature: 3, top_k: 7 });
    expect(generate(warm, "--model-defaults", "--seed", "5", ...six)).toMatchObject({
      tokens: generate(warm, "--sample", "--temperature", "3", "--top-k", "7", "--seed", "5", ...six).tokens,
      stderr: "taken from generation_config.json: --sample, --temperature 3, --top-k 7\n",
    });
    const beams = generate(warm, "--model-defaults", "--num-beams", "2", ...six);
    expect([beams.tokens, beams.stderr]).toEqual([generate(warm, "--num-beams", "2", ...six).tokens, ""]);
  });

  test("keys that config.json has from older programs count where there is no file", async () => {
    const path = await model(undefined, { config: { num_beams: 2, min_length: 3 } });
    const { tokens, stderr } = generate(path, ...six);
    expect(tokens).toEqual(plain);
    expect(stderr).toBe("config.json recommends --min-new-tokens 2, --num-beams 2 (--model-defaults)\n");
  });

  test.each([
    [{ force_words_ids: [[3]], watermarking_config: {} }, "force_words_ids, watermarking_config"],
    [{ encoder_no_repeat_ngram_size: 3, stop_strings: ["x"] }, "encoder_no_repeat_ngram_size, stop_strings"],
    [{ do_sample: true, top_k: 0, epsilon_cutoff: 0.1, eta_cutoff: 0.1 }, "epsilon_cutoff, eta_cutoff"],
    [
      { num_beam_groups: 2, diversity_penalty: 0.5, guidance_scale: 2 },
      "num_beam_groups, diversity_penalty, guidance_scale",
    ],
  ])("what is not computed is named: %j", async (said, names) => {
    const { status, stderr } = generate(await model(said), ...six);
    expect([status, stderr]).toEqual([0, expect.stringContaining(`not computed here: ${names}\n`)]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test.each([
    {},
    { num_beams: 1, do_sample: false, temperature: 0.3, top_k: 50, typical_p: 0.5, length_penalty: 1 },
    { no_repeat_ngram_size: 0, bad_words_ids: null, suppress_tokens: [], repetition_penalty: 1, early_stopping: false },
  ])("what changes nothing is not talked of: %j", async (said) => {
    expect(generate(await model(said), ...six)).toMatchObject({ tokens: plain, stderr: "" });
  });

  test("what cannot be followed names the file", async () => {
    for (const said of [{ num_beams: 1000 }, { num_beams: 4, do_sample: true }]) {
      const path = await model(said);
      expect(generate(path, ...six).status).toBe(0);
      const { status, stderr } = generate(path, "--model-defaults");
      expect([status, stderr]).toEqual([1, expect.stringContaining("generation_config.json")]);
      expect(stderr).toContain("leave --model-defaults out");
    }
  });
});

test("the embedded model has no advice to give", () => {
  const { status, stderr } = run(["generate", "Is this a fact or an opinion? Snow is cold."]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(readJson<object>("..", "..", "models", "zeroth-nano", "generation_config.json")).not.toHaveProperty(
    "num_beams",
  );
});
