/** Documents off the page's thread: typing is never blocked while they are read, embedded and searched. */
import type { Library } from "../../client/search.ts";
import { failureOf } from "../failure.ts";
import { onlyOwnScripts } from "../own-scripts.ts";
import { openShelf } from "./keep.ts";
import { createLibrary } from "./library.ts";
import type { SearchReport, SearchRequest } from "./messages.ts";

onlyOwnScripts();

const report = (message: SearchReport) => postMessage(message);

/** Milliseconds between two tellings of how far it is. */
const pause = 60;
let told = 0;
let latest: Library | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function tell(library: Library): void {
  latest = library;
  if (timer !== undefined) return;
  const send = () => {
    timer = undefined;
    told = performance.now();
    report({ kind: "library", library: latest! });
  };
  const left = told + pause - performance.now();
  if (left <= 0) send();
  else timer = setTimeout(send, left);
}

/** Other tabs of this page, which keep in the same database. */
const tabs = new BroadcastChannel("zeroth-search");

const documents = createLibrary({
  shelf: openShelf(),
  openModel: async (model, onProgress) => (await import("./encoder.ts")).openEmbedder(model, onProgress),
  changed: tell,
  kept: () => tabs.postMessage("kept"),
  now: () => performance.timeOrigin + performance.now(),
  newId: () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
});

tabs.addEventListener("message", () => void documents.reread());

async function answer(order: SearchRequest): Promise<unknown> {
  switch (order.kind) {
    case "add":
      return documents.add(order.files);
    case "remove":
      return documents.remove(order.document);
    case "model":
      return documents.model(order.given);
    case "forget":
      return documents.forget();
    case "stop":
      return documents.stop();
    case "go-on":
      return documents.goOn();
    case "search":
      return documents.search(order.question);
    case "text":
      return documents.text(order.document);
  }
}

addEventListener("message", ({ data }: MessageEvent<SearchRequest>) => {
  answer(data).then(
    (found) => report({ kind: "answer", id: data.id, answer: found }),
    (error: unknown) => report({ kind: "failed", id: data.id, failure: failureOf(error) }),
  );
});
