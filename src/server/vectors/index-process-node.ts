/** The script of a process that works on indices of vector stores for a server: reads, cuts, writes and searches. */
import { AsyncLocalStorage } from "node:async_hooks";
import { leaveSignalsToOwner, whenOwnerGone } from "../../base/owner-node.ts";
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { openModelFolder, openTokenizer } from "../../folders/open-node.ts";
import { errorOf, type SentError, sentErrorOf } from "../../host/messages.ts";
import type { Embedder } from "../../retrieve/embedder-node.ts";
import { type Found, type Index, openIndex } from "../../retrieve/search-node.ts";
import { compile } from "../../runtime/compile-node.ts";
import { transformerFolder } from "../../text/embedding/config-node.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import { type IndexFile, openIndexFile } from "./index-file-node.ts";
import type { Asking, CallName, FromIndexProcess, IndexAt, Questions, ToIndexProcess } from "./index-messages.ts";
import { fileOf } from "./stored-names.ts";

const tell = (message: FromIndexProcess): void => void process.send?.(message, undefined, {}, () => {});

/** What the server was asked, and waits for its answer. */
const calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
let lastCall = 0;
/** The question that is being answered: the server's side of a call belongs to it. */
const answering = new AsyncLocalStorage<number>();

function call<T>(name: CallName, ...args: readonly unknown[]): Promise<T> {
  const one = ++lastCall;
  return new Promise<T>((resolve, reject) => {
    calls.set(one, { resolve: resolve as (value: unknown) => void, reject });
    tell({ kind: "call", id: answering.getStore()!, call: one, name, args });
  }).finally(() => calls.delete(one));
}

const tokenizers = new Map<string, Promise<Tokenizer>>();

function tokenizerOf(path: string): Promise<Tokenizer> {
  const known = tokenizers.get(path) ?? transformerFolder(path).then((home) => openTokenizer(openModelFolder(home)));
  tokenizers.set(path, known);
  known.catch(() => tokenizers.delete(path));
  return known;
}

async function embedderAt({ model }: IndexAt): Promise<Embedder | undefined> {
  if (!model) return undefined;
  const tokenizer = await tokenizerOf(model.path);
  const vectors = (as: "queries" | "documents"): Embedder["queries"] => {
    return async (texts, { signal } = {}) => {
      throwIfAborted(signal);
      return call("vectors", texts, as);
    };
  };
  return {
    ...{ settings: model.settings, longest: model.longest },
    starts: (text) =>
      tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).offsets.map(([start]) => start),
    documents: vectors("documents"),
    queries: vectors("queries"),
  };
}

async function withFile<T>(at: IndexAt, work: (file: IndexFile, model: Embedder | undefined) => T | Promise<T>) {
  const model = await embedderAt(at);
  const file = openIndexFile(at.path, model);
  try {
    return await work(file, model);
  } finally {
    file.close();
  }
}

/** Indices that are held open for searches. */
const mostOpen = 16;
const searched = new Map<string, Index>();

async function release(path: string): Promise<void> {
  const index = searched.get(path);
  searched.delete(path);
  await index?.close();
}

async function indexAt(at: IndexAt, threads: number | undefined): Promise<Index> {
  const known = searched.get(at.path);
  searched.delete(at.path);
  const index =
    known ??
    openIndex(at.path, {
      embedder: await embedderAt(at),
      compile: (graph, weights) => compile(graph, { weights, ...(threads !== undefined && { threads }) }),
    });
  searched.set(at.path, index);
  for (const path of searched.keys()) {
    if (searched.size <= mostOpen) break;
    await release(path);
  }
  return index;
}

type Answers = {
  readonly [K in Asking]: (at: IndexAt, ask: Questions[K]["ask"]) => Promise<Questions[K]["answer"]>;
};

const answers: Answers = {
  files: (at) => withFile(at, (file) => file.files()),
  texts: (at, { file }) => withFile(at, (index) => index.texts(file)),
  put: (at, { file, source, ...how }) =>
    withFile(at, (index, embedder) => index.put(file, source, { ...how, embedder })),
  remove: (at, { files }) =>
    withFile(at, (index) => {
      for (const file of files) index.remove(file);
      return null;
    }),
  async search(at, { queries, k, files, rank, threads }) {
    const allowed = new Set(files);
    const found = await (await indexAt(at, threads)).search(queries, {
      k,
      filter: (fields) => allowed.has(fileOf(String(fields("document")))),
      rerank: rank ? (query, passages) => call<number[]>("rank", query, passages) : undefined,
    });
    return found.map((hits): Found[] => {
      if (hits instanceof ZerothError) throw hits;
      return hits;
    });
  },
  async release({ path }) {
    await release(path);
    return null;
  },
};

async function answer({ id, name, at, ask }: Extract<ToIndexProcess, { kind: "ask" }>): Promise<void> {
  const work = answers[name] as (at: IndexAt, ask: unknown) => Promise<unknown>;
  try {
    tell({ kind: "done", id, value: await answering.run(id, () => work(at, ask)) });
  } catch (error) {
    const sent: SentError = sentErrorOf(error);
    tell({ kind: "failed", id, error: sent });
  }
}

leaveSignalsToOwner();
// A process that ends itself during a run of the engine would be a crash.
whenOwnerGone(() => process.kill(process.pid, "SIGKILL"));
process.on("message", (message) => {
  const said = message as ToIndexProcess;
  if (said.kind === "ask") void answer(said);
  else if (said.kind === "answer") calls.get(said.call)?.resolve(said.value);
  else calls.get(said.call)?.reject(errorOf(said.error));
});
