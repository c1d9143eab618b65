/** The tasks, compiled in the browser and offered to the test that drives it. */
import { compile, safetensorsInMemory, type Weights, webThreads } from "../../../src/browser.ts";
import { type CompileOver, greedy, type Rows, type StepResult, trainingSteps } from "../../support/tasks.ts";

export interface Checks {
  threads(): number;
  greedy(
    folder: string,
    prompts: readonly (readonly number[])[],
    count: number,
    device?: "wasm" | "webgpu",
  ): Promise<number[][]>;
  train(folder: string, rows: Rows, steps: number): Promise<StepResult>;
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
  async train(folder, rows, steps) {
    const { config, weights } = await open(folder);
    return trainingSteps(config, weights, rows, steps, over("wasm"));
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
