/** Summaries in this browser, by rule: a worker of its own reads, cuts and keeps. */
import type { BooksOrder, BooksReport, BooksRequest } from "../engine/books/messages.ts";
import type { BookCard, Summarizer } from "./books.ts";
import { Problem } from "./client.ts";
import { problemFrom } from "./words.ts";

interface Pending {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export function browserBooks(): Summarizer {
  let worker: Worker | undefined;
  let next = 1;
  const pending = new Map<number, Pending>();
  const watchers = new Set<(report: Extract<BooksReport, { kind: "grown" }>) => void>();

  function started(): Worker {
    if (worker) return worker;
    worker = new Worker(new URL("../engine/books/worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<BooksReport>) => {
      if (data.kind === "grown") for (const watcher of watchers) watcher(data);
      else if (data.kind === "answer") pending.get(data.id)?.resolve(data.answer);
      // The reader of PDF files takes any worker for its own, and greets.
      else if (data.kind === "failed") {
        const { code, message, hint } = data.failure;
        pending.get(data.id)?.reject(problemFrom(code === "unsupported" ? "" : code, message, hint));
      }
      if ("id" in data) pending.delete(data.id);
    });
    worker.addEventListener("error", ({ message }) => {
      const broken = new Problem("Books cannot be read in this browser.", {
        hint: "Reload the page; a browser of the last three years is needed.",
        details: message || "the worker's script did not load",
      });
      for (const one of pending.values()) one.reject(broken);
      pending.clear();
    });
    return worker;
  }

  const order = <T>(message: BooksOrder): Promise<T> => {
    const id = next++;
    return new Promise<T>((resolve, reject) => {
      pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      started().postMessage({ ...message, id } satisfies BooksRequest);
    });
  };

  return {
    async able() {},
    list: () => order({ kind: "list" }),
    card: (book) => order({ kind: "card", book }),
    estimate: (given) => order({ kind: "estimate", given }),
    begin: (given) => order({ kind: "begin", given }),
    async watch(book, changed, signal) {
      const watcher = (report: Extract<BooksReport, { kind: "grown" }>) => {
        if (report.book === book) changed(report.nodes, report.card);
      };
      watchers.add(watcher);
      const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      try {
        await Promise.race([order({ kind: "wait", book }), gone]);
        if (!signal.aborted) changed([], await order<BookCard>({ kind: "card", book }));
      } finally {
        watchers.delete(watcher);
      }
    },
    tree: (book) => order({ kind: "tree", book }),
    sentences: (book, node) => order({ kind: "sentences", book, node }),
    text: (book) => order({ kind: "text", book }),
    pause: (book) => order({ kind: "pause", book }),
    resume: (book) => order({ kind: "resume", book }),
    remove: (book) => order({ kind: "remove", book }),
    edit: (book, node, text) => order({ kind: "edit", book, node, text }),
    revert: (book, node) => order({ kind: "revert", book, node }),
    redo: (book, node) => order({ kind: "redo", book, node }),
    exported: (book, format) => order({ kind: "export", book, format }),
  };
}
