/** Servers with vector stores on a database of the tests', over small models of random numbers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect } from "vitest";
import type { Engine } from "../../src/host/engine.ts";
import { localEngine } from "../../src/host/local-node.ts";
import { openVectorStores, type VectorStores } from "../../src/server/vectors/stores-node.ts";
import type { State } from "../../src/state/schema/tables.ts";
import { fakeEngine } from "./fake-engine.ts";
import { smallRetriever } from "./models/small-retriever.ts";
import { clientOf, startStored } from "./stored-server.ts";

const words = "bees make honey and wax the queen lives in a hive wolves hunt at night moon who what where".split(" ");

export const texts = {
  "bees.md": "# Bees\n\nBees make honey and wax.\n\n## Queens\n\nThe queen lives in a hive.\n",
  "wolves.txt": "Wolves hunt at night. The moon is there.",
};
export const files = (): Promise<File>[] =>
  Object.entries(texts).map(([name, text]) => toFile(Buffer.from(text), name) as Promise<File>);

/** What is there once the tests of a database run: models `small` and `ranker`, and `fake/decoder`, which says `said`. */
export interface VectorServers {
  readonly state: State;
  readonly vectors: VectorStores;
  readonly models: Engine;
  /** Folder of the index files. */
  readonly indices: string;
  said: string;
  started(Client?: typeof OpenAI): Promise<{
    readonly client: OpenAI;
    readonly post: (path: string, body: object) => Promise<Response>;
    readonly url: string;
  }>;
  /** A store with both files, done. */
  filled(
    client: OpenAI,
    model?: string,
  ): Promise<{
    readonly store: OpenAI.VectorStores.VectorStore;
    readonly batch: OpenAI.VectorStores.VectorStoreFileBatch;
  }>;
}

export function vectorServers(databases: { open(): Promise<State> }): VectorServers {
  const home = mkdtempSync(join(tmpdir(), "zeroth-vectors-"));
  const made = { said: "The queen lives in a hive.", indices: join(home, "vector-stores") } as {
    -readonly [K in keyof VectorServers]: VectorServers[K];
  };
  beforeAll(async () => {
    const folders: Readonly<Record<string, string>> = {
      small: await smallRetriever(join(home, "small"), { words, longest: 160 }),
      ranker: await smallRetriever(join(home, "ranker"), { words, ranker: true }),
    };
    const local = localEngine({ folders, threads: 1 });
    const fake = fakeEngine({ answer: () => made.said });
    const isFake = (id: string) => id.startsWith("fake/");
    made.models = {
      ...local,
      list: async () => (await local.list()).filter(({ id }) => id === "small"),
      about: (id, signal) => (isFake(id) ? fake.about(id) : local.about(id, signal)),
      generate: fake.generate,
      tokenize: fake.tokenize,
    };
    made.state = await databases.open();
    const pathOf = (model: string) => folders[model]!;
    made.vectors = openVectorStores(made.state, made.models, { home, pathOf, threads: 1 });
  });
  afterAll(async () => {
    await made.vectors.close();
    await made.models[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });
  made.started = async (Client = OpenAI) => {
    const { state, vectors, models: engine } = made;
    const serving = await startStored(state, { engine, vectors, vectorWork: { look: 0.1 } });
    const { key } = await clientOf(state, serving);
    const client = new Client({ baseURL: `${serving.url}/v1`, apiKey: key, maxRetries: 0 });
    const post = (path: string, body: object) =>
      fetch(`${serving.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
      });
    return { client, post, url: serving.url };
  };
  made.filled = async (client, model = "small") => {
    const store = await client.vectorStores.create({ name: "notes", embedding_model: model } as never);
    const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files: await Promise.all(files()) });
    expect(batch).toMatchObject({ status: "completed", file_counts: { completed: 2, total: 2, failed: 0 } });
    return { store, batch };
  };
  return made;
}
