/** What the server is asked with, and what is made of its answers. */
import { afterEach, expect, test, vi } from "vitest";
import { caller } from "./request.ts";
import type { Library } from "./search.ts";
import { serverSearcher } from "./server-searcher.ts";

interface Came {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

type Answers = Readonly<Record<string, unknown>>;

/** Answers requests by their method and path; what has no answer is 404. */
function answering(answers: Answers): Came[] {
  const came: Came[] = [];
  vi.stubGlobal("fetch", async (address: string, init: RequestInit = {}) => {
    const { method = "GET", body } = init;
    const path = address.replace("http://server/", "");
    came.push({ method, path, body: typeof body === "string" ? JSON.parse(body) : body });
    const answer = answers[`${method} ${path.replace(/\?.*/, "")}`];
    if (answer instanceof Response) return answer.clone();
    if (answer === undefined) return Response.json({ error: { message: "no such route" } }, { status: 404 });
    return Response.json(answer);
  });
  return came;
}
afterEach(() => vi.unstubAllGlobals());

const searcher = () => serverSearcher(caller("http://server/", () => ""));
const store = { id: "vs_1", name: "Notes", embedding_model: "mini" };
const stores = { data: [store] };
const files = {
  data: [
    { id: "file-1", status: "completed", last_error: null, attributes: { document: "a/notes.md" } },
    { id: "file-2", status: "failed", last_error: { message: "is no text" }, attributes: null },
  ],
};

async function watched(one: ReturnType<typeof searcher>): Promise<Library> {
  return new Promise((resolve) => {
    const stop = one.watch((library) => {
      if (!library.collections) return;
      queueMicrotask(() => stop());
      resolve(library);
    });
  });
}

const usual: Answers = {
  "GET v1/vector_stores": stores,
  "GET v1/vector_stores/vs_1/files": files,
  "GET v1/files/file-2": { filename: "broken.txt" },
};

test("a server without such routes says that it keeps no documents", async () => {
  answering({});
  await expect(searcher().able()).rejects.toThrow("This server does not keep documents.");
});

test("files of a store are documents by the names that they came with", async () => {
  answering(usual);
  const { documents, collections, model } = await watched(searcher());
  expect(documents).toEqual([
    { id: "file-1", name: "a/notes.md", state: "ready" },
    { id: "file-2", name: "broken.txt", state: "failed", problem: "is no text" },
  ]);
  expect(collections).toEqual([{ id: "vs_1", name: "Notes" }]);
  expect(model).toEqual({ name: "mini", state: "ready" });
});

test("a question is narrowed by the documents' names, and passages keep their places", async () => {
  const hit = {
    ...{ file_id: "file-1", filename: "notes.md", score: 0.7, content: [{ type: "text", text: "Straw." }] },
    ...{ document: "file-1#3", start: 10, end: 16, page: 2, heading: "Barn > Straw" },
  };
  const content = [
    { text: "the first", document: "file-1#1" },
    { text: "the second", document: "file-1#3" },
  ];
  const came = answering({
    ...usual,
    "POST v1/vector_stores/vs_1/search": { data: [hit] },
    "GET v1/vector_stores/vs_1/files/file-1/content": { data: content },
  });
  const one = searcher();
  await watched(one);
  const found = await one.search({ query: "straw", mode: "hybrid", k: 80, documents: ["file-1"] });
  expect(found).toEqual([
    {
      ...{ document: "file-1", name: "a/notes.md", title: "a/notes.md", score: 0.7, scores: {}, text: "Straw." },
      ...{ part: "file-1#3", start: 10, end: 16, page: 2, heading: "Barn > Straw" },
    },
  ]);
  expect((await one.text(found[0]!)).text).toBe("the second");
  expect(came.findLast(({ method }) => method === "POST")!.body).toEqual({
    query: "straw",
    max_num_results: 50,
    filters: { type: "in", key: "document", value: ["a/notes.md"] },
  });
});

test("the first files make a store; each is uploaded and put into it, one that fails is told of", async () => {
  const came = answering({
    "GET v1/vector_stores": { data: [] },
    "POST v1/vector_stores": { ...store, name: "Documents" },
    "POST v1/files": { id: "file-9" },
  });
  const one = searcher();
  const heard: Library[] = [];
  const stop = one.watch((library) => heard.push(library));
  await one.add([new File(["x"], "x.txt")]);
  await vi.waitFor(() => expect(heard.at(-1)?.documents.at(-1)?.state).toBe("failed"));
  stop();
  expect(heard.at(-1)!.documents.at(-1)).toMatchObject({ name: "x.txt", problem: expect.any(String) });
  const posts = came.filter(({ method }) => method === "POST").map(({ path }) => path);
  expect(posts).toEqual(["v1/vector_stores", "v1/files", "v1/vector_stores/vs_1/files"]);
});

test("a server that wants a key says so, and goes on with the same files once it has one", async () => {
  const locked = Response.json({ error: { message: "a key is needed", code: "invalid_api_key" } }, { status: 401 });
  const one = searcher();
  const heard: Library[] = [];
  const stop = one.watch((library) => heard.push(library));
  answering({ "GET v1/vector_stores": locked, "POST v1/vector_stores": locked });
  await one.add([new File(["x"], "x.txt")]);
  await vi.waitFor(() => expect(heard.at(-1)!.documents).toHaveLength(1));
  expect(heard.at(-1)!.documents[0]!.problem).toMatch(/^This server wants a key\./);
  const came = answering({
    ...usual,
    "POST v1/files": { id: "file-9" },
    "POST v1/vector_stores/vs_1/files": { id: "file-9" },
    "POST v1/vector_stores": store,
  });
  one.goOn();
  await vi.waitFor(() => expect(came.some(({ path }) => path === "v1/vector_stores/vs_1/files")).toBe(true));
  await vi.waitFor(() => expect(heard.at(-1)!.documents.map(({ name }) => name)).not.toContain("The server"));
  stop();
});

test("an answer comes piece by piece, and at its end with what it rests on", async () => {
  const answer = {
    ...{ text: "In straw.", found: true },
    sentences: [{ text: "In straw.", start: 0, end: 9, supported: true, support: 1 }],
    citations: [
      {
        sentence: 1,
        quote: "Kept in straw.",
        file_id: "file-1",
        filename: "notes.md",
        document: "a/notes.md",
        start: 3,
        end: 17,
      },
    ],
  };
  const events = [
    { type: "answer.passages", passages: [] },
    { type: "answer.delta", delta: "In " },
    { type: "answer.delta", delta: "straw." },
    { type: "answer.completed", answer },
  ];
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  const came = answering({
    ...usual,
    "POST v1/ask": new Response(text, { headers: { "content-type": "text/event-stream" } }),
  });
  const one = searcher();
  await watched(one);
  const pieces: string[] = [];
  const { citations, found } = await one.answer!({ query: "how?", documents: ["file-1"] }, "big", {
    text: (piece) => pieces.push(piece),
  });
  expect(came.at(-1)!.body).toEqual({
    ...{ question: "how?", vector_store_ids: ["vs_1"], model: "big", stream: true },
    filters: { type: "in", key: "document", value: ["a/notes.md"] },
  });
  expect(pieces).toEqual(["In ", "straw."]);
  expect(found).toBe(true);
  expect(citations).toMatchObject([
    { sentence: 1, quote: "Kept in straw.", start: 3, end: 17, passage: { document: "file-1", name: "a/notes.md" } },
  ]);
});
