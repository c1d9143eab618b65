/** What a stopped run leaves: killed (a few of the kills of scripts/kill-train.mjs) and aborted with dropout on. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModelFolder } from "../src/folders/open-node.ts";
import { trainBpe } from "../src/tokenizers/training/bpe.ts";
import { parseTrainingConfig, type TrainingConfig } from "../src/train/config.ts";
import { type TrainEvents, train } from "../src/train/train-node.ts";
import { promptEndOf } from "../src/zeroshot/evaluate-node.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeAll(async () => {
  await mkdir(join(root, "test/.tmp"), { recursive: true });
  folder = await mkdtemp(join(root, "test/.tmp/resume-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pairs = [
  { prompt: "one two three four five", target: "six seven" },
  { prompt: "red green blue", target: "yellow" },
  { prompt: "spring summer autumn winter spring", target: "summer" },
  { prompt: "north east south", target: "west north" },
  { prompt: "do re mi fa so la ti", target: "do" },
];

async function configuration(out: string): Promise<TrainingConfig> {
  const [tokenizer, data] = [join(folder, "tokenizer.json"), join(folder, "pairs.jsonl")];
  const texts = pairs.map(({ prompt, target }) => `${prompt} ${target}`);
  await writeFile(tokenizer, JSON.stringify(trainBpe(texts, { vocabularySize: 320, sentinels: 4 })));
  await writeFile(data, pairs.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const json = {
    architecture: "t5",
    sizes: { vocab_size: 320, d_model: 16, d_kv: 8, d_ff: 24, num_heads: 2, num_layers: 1 },
    tokenizer,
    data: { train: { file: data, weight: 0.8 } },
    batch: 2,
    dropout: 0.2,
    optimizer: { name: "adamw", lr: 0.01 },
    steps: 12,
    save_every: 5,
    out: join(folder, out),
  };
  return parseTrainingConfig(json, "the test");
}

const adafactorDefaults = {
  name: "adafactor",
  eps: [1e-30, 1e-3],
  clip_threshold: 1,
  decay_rate: -0.8,
  scale_parameter: true,
  relative_step: true,
  warmup_init: false,
  no_decay: [],
} satisfies Partial<TrainingConfig["optimizer"]>;

const rows = async (out: string) =>
  (await readFile(join(out, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; loss?: number; eval_loss?: number; grad_norm?: number })
    .map(({ step, loss, eval_loss, grad_norm }) => ({ step, loss, eval_loss, grad_norm }));

/** What changes from the configuration above. */
const variants: Record<string, () => Promise<Partial<TrainingConfig>>> = {
  "AdamW from scratch": async () => ({}),
  "Adafactor from a model, a part of it trained, micro-batches by tokens": async () => {
    const start = await configuration("start");
    await train({ ...start, steps: 1 });
    return {
      model: start.out,
      architecture: undefined,
      tokenizer: undefined,
      trainable: ["SelfAttention", "shared"],
      optimizer: { ...adafactorDefaults, beta1: 0.9, weight_decay: 0.01 },
      schedule: { name: "linear", warmup: 3 },
      batch: undefined,
      batch_tokens: 40,
      accumulate: 2,
      recompute: true,
    };
  },
  "packed rows of a file": async () => ({ pack: true, batch: 2, max_input: 24, max_target: 12, accumulate: 2 }),
  "a packed mixture of patterns, instructions and pairs, prompts without an end, z-loss": async () => ({
    data: { mixture: await mixture() },
    pack: true,
    batch: 2,
    max_input: 160,
    max_target: 24,
    too_long: "cut",
    prompt_end: false,
    z_loss: 1e-4,
    eval_every: 4,
  }),
  "a mixture, a pair a row, by tokens": async () => ({
    data: { mixture: await mixture() },
    batch: undefined,
    batch_tokens: 300,
    max_input: 120,
    too_long: "skip",
  }),
};

/** A mixture of all that needs no templates: the folder's own pairs, an instruction, patterns over CSV. */
async function mixture(): Promise<string> {
  const write = async (name: string, content: unknown) => {
    const path = join(folder, name);
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  await write("colours.csv", `text,label\n${pairs.map(({ prompt }, i) => `${prompt},${i % 2}\n`).join("")}`);
  await write("colours.json", {
    dataset: "colours",
    options: ["even", "odd"],
    label: "label",
    patterns: [
      ["{text}\n{options_}", "{answer}"],
      ["a list that is {answer}", "{text}"],
    ],
  });
  await write("next.json", {
    Definition: "Go on",
    "Positive Examples": [{ input: "one two", output: "three" }],
    Instances: pairs.map(({ prompt, target }) => ({ input: prompt, output: [target] })),
  });
  return write("mixture.json", {
    rule: "flan",
    validation_examples: 3,
    tasks: {
      pairs: { train: "pairs.jsonl", validation: "pairs.jsonl", pairs: true, weight: 3 },
      colours: { train: "colours.csv", patterns: "colours.json" },
      next: { train: "next.json", instructions: { positive: 1 } },
    },
  });
}

test.each(Object.keys(variants))(
  "an aborted run with dropout continues as if nothing had happened: %s",
  async (name) => {
    const change = await variants[name]!();
    const folderOf = (kind: string) => `${kind}-${Object.keys(variants).indexOf(name)}`;
    const plain = { ...(await configuration(folderOf("plain"))), ...change };
    await train(plain);
    const stopped = { ...plain, out: join(folder, folderOf("stopped")) };
    for (const last of [3, 7]) {
      const controller = new AbortController();
      const events: TrainEvents = {
        step({ step }) {
          if (step === last) controller.abort();
        },
      };
      const work = train(stopped, { resume: true, signal: controller.signal, events });
      await expect(work).rejects.toMatchObject({ code: "interrupted" });
      expect(await readdir(stopped.out)).toContain(`checkpoint-${last}`);
    }
    await train(stopped, { resume: true });
    expect(await rows(stopped.out)).toEqual(await rows(plain.out));
    const steps = (await rows(plain.out)).filter(({ loss }) => loss !== undefined).map(({ step }) => step);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const file of ["model.safetensors", "checkpoint-12/optimizer.safetensors"]) {
      const [one, other] = await Promise.all([stopped, plain].map(({ out }) => readFile(join(out, file))));
      expect(one!.equals(other!), file).toBe(true);
    }
  },
);

test("a folder with a run is not overwritten, another configuration does not continue it", async () => {
  const config = await configuration("other");
  await train({ ...config, steps: 2 });
  await expect(train({ ...config, steps: 4 })).rejects.toMatchObject({ code: "bad_input" });
  await expect(train({ ...config, seed: 3 }, { resume: true })).rejects.toThrow(/another configuration/);
});

test("two trainings in one folder: the second is told who is there, the first ends as it would have", async () => {
  const config = { ...(await configuration("shared")), steps: 6, save_every: 2 };
  const second: Promise<unknown>[] = [];
  const events: TrainEvents = {
    step({ step }) {
      if (step === 3)
        second.push(expect(train(config, { resume: true })).rejects.toThrow(`already: process ${process.pid}`));
    },
  };
  await train(config, { events });
  expect(second).toHaveLength(1);
  await Promise.all(second);
  expect((await rows(config.out)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect((await readdir(config.out)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a mixture with other words or other rows does not continue a run", async () => {
  const start = { ...(await configuration("mixed")), data: { mixture: await mixture() }, max_input: 160, steps: 2 };
  await train(start);
  const colours = join(folder, "colours.csv");
  await writeFile(colours, `${await readFile(colours, "utf8")}one more,0\n`);
  const work = train({ ...start, steps: 4 }, { resume: true });
  await expect(work).rejects.toThrow(/another configuration or other data/);
});

test("killed five times, nothing is lost but the steps since the last checkpoint", async () => {
  const script = join(root, "scripts/kill-train.mjs");
  const { stdout } = await run(process.execPath, [script, "--kills", "5"], { cwd: root });
  expect(stdout).toContain("| 5 |");
  expect(stdout).toContain("bit-identical");
}, 60_000);

test("a model from scratch is a folder that other programs know the tokenizer of, and tells how prompts ended", async () => {
  const from = await configuration("new");
  const written = {
    tokenizer_class: "PreTrainedTokenizerFast",
    pad_token: "<pad>",
    eos_token: "</s>",
    clean_up_tokenization_spaces: false,
  };
  const check = async (model: string, prompt_end: boolean) => {
    const found = JSON.parse(await readFile(join(model, "tokenizer_config.json"), "utf8"));
    expect(found).toEqual({ ...written, add_eos_token: prompt_end });
    expect(promptEndOf(openModelFolder(model))).toBe(prompt_end);
  };
  for (const prompt_end of [true, false]) {
    const { model } = await train({ ...from, steps: 1, prompt_end, out: join(folder, `ended-${prompt_end}`) });
    await check(model, prompt_end);
  }
  // Gone on with in another way, it says that way.
  const { architecture, sizes, tokenizer, ...rest } = from;
  const on = { ...rest, model: join(folder, "ended-true"), steps: 1, prompt_end: false, out: join(folder, "on") };
  await check((await train(on as TrainingConfig)).model, false);
});
