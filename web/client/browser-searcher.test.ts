/** What the page and its searching worker say to each other. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SearchReport, SearchRequest } from "../engine/search/messages.ts";
import { browserSearcher, modelOf } from "./browser-searcher.ts";
import type { Job } from "./client.ts";
import { emptyLibrary, type Library } from "./search.ts";

class FakeWorker {
  static made: FakeWorker[] = [];
  readonly came: SearchRequest[] = [];
  readonly listeners = new Map<string, (event: unknown) => void>();
  ended = false;
  constructor() {
    FakeWorker.made.push(this);
  }
  addEventListener(kind: string, heard: (event: unknown) => void): void {
    this.listeners.set(kind, heard);
  }
  postMessage(message: SearchRequest): void {
    this.came.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
  says(report: SearchReport | object): void {
    this.listeners.get("message")!({ data: report });
  }
}

beforeEach(() => {
  FakeWorker.made = [];
  vi.stubGlobal("Worker", FakeWorker);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const root = "http://page/app/";

test("an answer goes to who asked; what is no message of ours is passed over", async () => {
  const one = browserSearcher(root, () => {});
  const found = one.search({ query: "a", mode: "bm25", k: 1 });
  const [worker] = FakeWorker.made;
  worker!.says({ sourceName: "worker", action: "ready" });
  worker!.says({ kind: "answer", id: worker!.came[0]!.id, answer: [] });
  expect(await found).toEqual([]);
  const failed = one.text({ document: "x" });
  worker!.says({ kind: "failed", id: worker!.came[1]!.id, failure: { code: "bad_input", message: "not here" } });
  await expect(failed).rejects.toThrow("Not here.");
});

test("a worker that does not stop is left, and another one takes its place", async () => {
  vi.useFakeTimers();
  const one = browserSearcher(root, () => {});
  one.watch(() => {});
  const adding = one.add([new File(["x"], "x.pdf")]);
  const refused = expect(adding).rejects.toMatchObject({ stopped: true });
  one.stop();
  expect(FakeWorker.made[0]!.ended).toBe(false);
  await vi.advanceTimersByTimeAsync(60_000);
  await refused;
  expect(FakeWorker.made.map(({ ended }) => ended)).toEqual([true, false]);
  // One that stops is kept.
  one.stop();
  const { came } = FakeWorker.made[1]!;
  FakeWorker.made[1]!.says({ kind: "answer", id: came[0]!.id, answer: undefined });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeWorker.made).toHaveLength(2);
});

test("what takes long is told as a job, and how it ended", () => {
  const jobs: Job[] = [];
  const one = browserSearcher(root, ([job]) => jobs.push(job!));
  one.watch(() => {});
  const says = (library: Partial<Library>) =>
    FakeWorker.made[0]!.says({ kind: "library", library: { ...emptyLibrary, ...library } });
  says({ work: { phase: "reading", done: 0, total: 2 } });
  says({ work: { phase: "reading", done: 1, total: 2 } });
  says({ stopped: true });
  expect(jobs.map(({ state, title, progress }) => [state, title, progress?.done])).toEqual([
    ["running", "Reading documents", 0],
    ["running", "Reading documents", 1],
    ["stopped", "Reading documents", 1],
  ]);
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
});

test("a folder's files make a model by their paths; other forms of its weights are left out", async () => {
  const file = (path: string) => {
    const made = new File(["{}"], path.split("/").at(-1)!);
    return Object.defineProperty(made, "webkitRelativePath", { value: path });
  };
  const paths = ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"];
  const others = ["onnx/model.onnx", "onnx/config.json", "pytorch_model.bin", ".git/config.json"];
  const { name, files } = modelOf([...paths, ...others].map((path) => file(`mini/${path}`)));
  expect(name).toBe("mini");
  expect(files.map((one) => one.name)).toEqual(paths);
  expect(() => modelOf([file("notes/a.txt")])).toThrow(/no folder of a model/);
  expect(modelOf([file("mini.gguf")])).toMatchObject({ name: "mini.gguf", files: [{ name: "mini.gguf" }] });
  const one = browserSearcher(root, () => {});
  await expect(one.models!.at("https://elsewhere/x")).rejects.toThrow(/own address/);
  await expect(one.models!.at("../other")).rejects.toThrow(/own address/);
});
