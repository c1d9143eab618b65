/** The tasks, compiled in the browser and offered to the test that drives it. */

import type { JsonObject } from "../../../src/base/json.ts";
import {
  type AdapterContents,
  type ChatOptions,
  compile,
  type EmbedJob,
  openEncoder,
  openModel,
  openTextModel,
  parseTuneOptions,
  readModel,
  safetensorsInMemory,
  type TuneInput,
  type TuneRow,
  tune,
  twoTowersModel,
  type Weights,
  webThreads,
} from "../../../src/browser.ts";
import { float32 } from "../../../src/graph/array.ts";
import { graph } from "../../../src/graph/graph.ts";
import { matmul } from "../../../src/graph/operators.ts";
import { input, parameter } from "../../../src/graph/tensor.ts";
import { imagesOf, type Planes } from "../../support/images.ts";
import { type Talk, talk } from "../../support/talk.ts";
import { type CompileOver, greedy, type Rows, type StepResult, scores, trainingSteps } from "../../support/tasks.ts";

export interface TunedInPage {
  readonly losses: readonly number[];
  readonly values: readonly number[];
  /** Said to the first held rows at the last evaluation. */
  readonly said: readonly string[];
  /** Files of the adapter, their bytes as numbers. */
  readonly files: Readonly<Record<string, readonly number[]>>;
}

let adapter: AdapterContents | undefined;
let asked: readonly string[] = [];

export interface Checks {
  threads(): number;
  greedy(
    folder: string,
    prompts: readonly (readonly number[])[],
    count: number,
    device?: "wasm" | "webgpu",
  ): Promise<number[][]>;
  scores(folder: string, rows: readonly (readonly number[])[]): Promise<number[]>;
  /** Vectors of texts by a model opened at its address, with the settings that lie there. */
  vectors(folder: string, texts: readonly string[], options: EmbedJob): Promise<number[][]>;
  /** Tags of words, by a model opened at its address. */
  tags(folder: string, words: readonly string[]): Promise<(string | null)[]>;
  /** Scores of the classes of images, by a model opened at its address, which has no tokenizer. */
  classes(folder: string, images: readonly Planes[]): Promise<number[]>;
  /** Scaled cosines of images with texts. */
  cosines(folder: string, images: readonly Planes[], texts: readonly (readonly number[])[]): Promise<number[]>;
  /** A conversation with the model at an address. */
  talk(folder: string, said: readonly string[], options: ChatOptions): Promise<Talk>;
  /** Code that this page has loaded. */
  scripts(): string[];
  train(folder: string, rows: Rows, steps: number): Promise<StepResult>;
  /** An adapter tuned over the model at an address. */
  tune(folder: string, rows: readonly object[], options: TuneInput): Promise<TunedInPage>;
  /** The likeliest of the choices of each text, with the adapter that was tuned last and without it. */
  chosen(folder: string, texts: readonly string[], choices: readonly string[], adapter: boolean): Promise<string[]>;
  /** What the model with the adapter that was tuned last writes to the rows that were held out. */
  written(folder: string): Promise<string[]>;
  /** Stops a tuning after a step; the code of its error. */
  stopped(folder: string, rows: readonly object[], options: TuneInput): Promise<string>;
  /** A product in 8 bits in which every number is as large as can be: what an overflow of pairs gets wrong. */
  largest(): Promise<number[]>;
  /** A checkpoint that does not fit: the message and code of the error. */
  misfit(folder: string): Promise<{ code: string; message: string }>;
}

const over =
  (device: "wasm" | "webgpu"): CompileOver =>
  (weights, trained) =>
  (graph) =>
    compile(graph, { device, weights, ...(trained ? { trained: () => true } : {}) });

async function open(folder: string): Promise<{ config: unknown; weights: Weights }> {
  const config = await (await fetch(`${folder}/config.json`)).json();
  const bytes = new Uint8Array(await (await fetch(`${folder}/model.safetensors`)).arrayBuffer());
  return { config, weights: safetensorsInMemory(bytes, folder) };
}

const checks: Checks = {
  threads: () => webThreads().threads,
  async greedy(folder, prompts, count, device = "wasm") {
    const { config, weights } = await open(folder);
    return greedy(config, weights, prompts, count, over(device));
  },
  async scores(folder, rows) {
    const { config, weights } = await open(folder);
    return scores(config, weights, rows, over("wasm"));
  },
  async vectors(folder, texts, options) {
    await using opened = await openEncoder(new URL(folder, location.href), { device: "wasm" });
    const vectors = await opened.encoder.embedAll(texts, options);
    return vectors.map((vector) => {
      if (vector instanceof Error) throw vector;
      return Array.from(vector);
    });
  },
  async tags(folder, words) {
    await using opened = await openEncoder(new URL(folder, location.href), { device: "wasm" });
    return (await opened.encoder.tag!(words)).words.map(({ label }) => label);
  },
  async classes(folder, images) {
    await using opened = await openModel(new URL(folder, location.href), { device: "wasm" });
    if (opened.kind !== "image-encoder") throw new Error(opened.kind);
    return Array.from((await opened.model.classify!(imagesOf(images))).data as Float32Array);
  },
  async cosines(folder, images, texts) {
    const { config, weights: stored } = await open(folder);
    const { architecture, weights } = readModel(config as JsonObject, stored, folder);
    if (architecture.kind !== "two-towers") throw new Error(architecture.kind);
    await using model = twoTowersModel(architecture, over("wasm")(weights, false));
    const scores = await model.compare(await model.images(imagesOf(images)), await model.text(texts));
    return Array.from(scores.data as Float32Array);
  },
  async talk(folder, said, options) {
    await using opened = await openTextModel(new URL(folder, location.href), { device: "wasm" });
    return talk(opened, said, options);
  },
  scripts: () =>
    performance
      .getEntriesByType("resource")
      .map(({ name }) => name)
      .filter((name) => name.endsWith(".js")),
  async train(folder, rows, steps) {
    const { config, weights } = await open(folder);
    return trainingSteps(config, weights, rows, steps, over("wasm"));
  },
  async tune(folder, rows, options) {
    const losses: number[] = [];
    const values: number[] = [];
    let said: readonly string[] = [];
    const { files } = await tune(
      { model: new URL(folder, location.href), rows: rows as TuneRow[] },
      parseTuneOptions(options),
      {
        baseName: "base",
        samples: 3,
        events: {
          step: ({ loss }) => void losses.push(loss),
          evaluated({ value, samples }) {
            values.push(value);
            asked = samples.map((sample) => sample.text);
            said = samples.map((sample) => sample.said);
          },
        },
      },
    );
    adapter = files;
    return {
      ...{ losses, values, said },
      files: Object.fromEntries([...files].map(([name, bytes]) => [name, Array.from(bytes)])),
    };
  },
  async chosen(folder, texts, choices, withAdapter) {
    await using opened = await openTextModel(new URL(folder, location.href), {
      device: "wasm",
      ...(withAdapter && adapter && { adapter }),
    });
    const answers = await opened.text.chooseAll(texts.map((prompt) => ({ prompt, choices })));
    return answers.map((answer) => (answer instanceof Error ? answer.message : answer.text));
  },
  async written(folder) {
    await using opened = await openTextModel(new URL(folder, location.href), {
      device: "wasm",
      ...(adapter && { adapter }),
    });
    const answers = await opened.text.generateAll(asked, { maxNewTokens: 48 });
    return answers.map((answer) => (answer instanceof Error ? answer.message : answer.text));
  },
  async stopped(folder, rows, options) {
    const stop = new AbortController();
    const events = { step: ({ step }: { readonly step: number }) => void (step === 2 && stop.abort()) };
    const model = new URL(folder, location.href);
    return tune({ model, rows: rows as TuneRow[] }, parseTuneOptions(options), { signal: stop.signal, events }).then(
      () => "it went on",
      (error: { code: string }) => error.code,
    );
  },
  async largest() {
    const [rows, inner, out] = [3, 64, 48];
    const bytes = ({ buffer }: Int8Array | Float32Array) => new Uint8Array(buffer);
    const values = { dtype: "int8", shape: [inner, out], data: bytes(new Int8Array(inner * out).fill(-127)) } as const;
    const scales = { dtype: "float32", shape: [out], data: bytes(new Float32Array(out).fill(1)) } as const;
    const weights: Weights = new Map([["w", { dtype: "int8", shape: [out, inner], format: "int8", values, scales }]]);
    const y = matmul(input("x", "float32", ["rows", inner]), parameter("w", [out, inner]), { transB: true });
    await using program = await compile(graph({ y }), { device: "wasm", weights });
    const x = float32([rows, inner], new Float32Array(rows * inner).fill(127));
    return [...new Set((await program.run({ x })).y.data as Float32Array)];
  },
  async misfit(folder) {
    const { config, weights } = await open(folder);
    const without = new Map([...weights].filter(([name]) => !name.endsWith("wo.weight")));
    try {
      await greedy(config, without, [[3, 1]], 1, over("wasm"));
    } catch (error) {
      return { code: (error as { code: string }).code, message: (error as Error).message };
    }
    return { code: "", message: "" };
  },
};

declare global {
  interface Window {
    checks: Checks;
  }
}
window.checks = checks;
