/** Searching in this browser: a worker of its own reads, keeps and searches; no model has to be open for it. */
import type { GivenFile, GivenModel } from "../engine/given.ts";
import type { SearchAnswer, SearchOrder, SearchReport, SearchRequest } from "../engine/search/messages.ts";
import { type Job, Problem } from "./client.ts";
import { emptyLibrary, type Library, type Searcher } from "./search.ts";
import { problemFrom } from "./words.ts";

interface Pending {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** Where a file stands: in the folder that was given, or by its name alone. */
const pathOf = (file: File): string => file.webkitRelativePath || file.name;

/** What a model folder is read from; the same weights in other forms are not. */
const ofModel = /^(?:\w[\w.-]*\/)?[\w.-]+\.(?:json|txt|model|safetensors|gguf)$/;
const elsewhere = /^(?:onnx|openvino)\//;

/** The files of a model folder by their paths in it. @throws what a person should know of what is no such folder */
export function modelOf(files: readonly File[]): Extract<GivenModel, { files: unknown }> {
  const [first] = files;
  if (first && files.length === 1 && /\.gguf$/i.test(first.name)) {
    return { name: first.name, files: [{ name: first.name, file: first }] };
  }
  const inside = files.map((file): GivenFile => ({ name: pathOf(file).replace(/^[^/]*\//, ""), file }));
  const taken = inside.filter(({ name }) => ofModel.test(name) && !elsewhere.test(name));
  if (!taken.some(({ name }) => name === "config.json") || !taken.some(({ name }) => name === "model.safetensors")) {
    throw new Problem("This is no folder of a model that can be opened here.", {
      hint: "It has a config.json, a tokenizer.json and a model.safetensors: for example all-MiniLM-L6-v2 of the hub.",
      details: inside
        .map(({ name }) => name)
        .slice(0, 20)
        .join("\n"),
    });
  }
  const name = first!.webkitRelativePath.split("/")[0] || "a model";
  return { name, files: taken };
}

/** Milliseconds in which a running step ends, also that of opening a model. */
const patience = 45_000;

const phases = {
  reading: "Reading documents",
  opening: "Opening the model of vectors",
  embedding: "Vectors of passages",
};

/**
 * @param root address of the page's own folder
 * @param noteJobs told of what it does that takes long
 */
export function browserSearcher(root: string, noteJobs: (jobs: readonly Job[]) => void): Searcher {
  let worker: Worker | undefined;
  let library: Library = emptyLibrary;
  let next = 1;
  let broken: Problem | undefined;
  let job: Job | undefined;
  const pending = new Map<number, Pending>();
  const watchers = new Set<(library: Library) => void>();

  function noteJob({ work }: Library): void {
    if (!work) {
      if (job?.state !== "running") return;
      job = { ...job, state: library.stopped ? "stopped" : "done", ended: Date.now() };
      noteJobs([job]);
      return;
    }
    const title = phases[work.phase];
    const goesOn = job?.state === "running" && job.title === title;
    job = {
      ...(!goesOn ? { id: `search-${next}`, title, started: Date.now() } : job!),
      state: "running",
      ...(work.total !== undefined && {
        progress: { done: work.done, total: work.total, unit: work.phase === "opening" ? "bytes" : "steps" },
      }),
    };
    noteJobs([job]);
  }

  const heard: { [K in SearchReport["kind"]]: (report: Extract<SearchReport, { kind: K }>) => void } = {
    library(report) {
      library = report.library;
      noteJob(library);
      for (const watcher of watchers) watcher(library);
    },
    answer({ id, answer }) {
      pending.get(id)?.resolve(answer);
      pending.delete(id);
    },
    failed({ id, failure: { code, message, hint } }) {
      pending.get(id)?.reject(problemFrom(code, message, hint));
      pending.delete(id);
    },
  };

  function started(): Worker {
    if (worker) return worker;
    worker = new Worker(new URL("../engine/search/worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<SearchReport>) => {
      // The reader of PDF files takes any worker for its own, and greets.
      if (Object.hasOwn(heard, data.kind)) (heard[data.kind] as (report: SearchReport) => void)(data);
    });
    worker.addEventListener("error", ({ message }) => {
      broken = new Problem("Documents cannot be read in this browser.", {
        hint: "Reload the page; a browser of the last three years is needed.",
        details: message || "the worker's script did not load",
      });
      for (const one of pending.values()) one.reject(broken);
      pending.clear();
    });
    return worker;
  }

  function again(): void {
    worker?.terminate();
    worker = undefined;
    for (const one of pending.values()) one.reject(new Problem("Stopped.", { stopped: true }));
    pending.clear();
    started();
  }

  function order<K extends SearchOrder["kind"]>(message: Extract<SearchOrder, { kind: K }>): Promise<SearchAnswer<K>> {
    if (broken) return Promise.reject(broken);
    const id = next++;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      started().postMessage({ ...message, id } satisfies SearchRequest);
    });
  }

  return {
    async able() {},
    modes: ["hybrid", "dense", "bm25"],
    watch(watcher) {
      watchers.add(watcher);
      started();
      watcher(library);
      return () => watchers.delete(watcher);
    },
    add: (files) => order({ kind: "add", files: files.map((file) => ({ name: pathOf(file), file })) }),
    remove: (document) => order({ kind: "remove", document }),
    stop() {
      const stopped = order({ kind: "stop" });
      // A file that keeps its reader busy for ever is left behind with the worker; what was kept before is there anew.
      const timer = setTimeout(again, patience);
      stopped.then(
        () => clearTimeout(timer),
        () => clearTimeout(timer),
      );
    },
    goOn: () => void order({ kind: "go-on" }),
    forget: () => order({ kind: "forget" }),
    async search(question, signal) {
      const found = await order({ kind: "search", question });
      signal?.throwIfAborted();
      return found;
    },
    text: ({ document }) => order({ kind: "text", document }),
    models: {
      give: async (files) => order({ kind: "model", given: modelOf(files) }),
      async at(path) {
        const { href } = new URL(path, root);
        if (!href.startsWith(root)) {
          throw new Problem("Only folders below this page's own address are opened.", {
            hint: "The page's rules let it talk to no other place; a folder of this machine can be chosen instead.",
          });
        }
        await order({ kind: "model", given: { name: path.replace(/\/+$/, ""), address: href } });
      },
      drop: () => order({ kind: "model" }),
    },
  };
}
