/** Looking at pictures in this browser: a worker of its own, made when a model is given. */
import type { Look } from "../../src/images/open-web.ts";
import type { GivenFile } from "../engine/given.ts";
import type { Looked, LookOrder, LookReport, OpenedLooker } from "../engine/look/messages.ts";
import { Problem } from "./client.ts";
import { problemFrom } from "./words.ts";

export interface Looker {
  /** Opens a folder's files. @throws what a person should know of what is no model of pictures */
  open(files: readonly File[]): Promise<OpenedLooker & { readonly name: string }>;
  look(file: Blob): Promise<Looked>;
  /** A picture with what a model elsewhere made of it. */
  lay(file: Blob, look: Look): Promise<Looked>;
  /** Lets the model go. */
  close(): void;
}

const wanted = ["config.json", "model.safetensors"];

/** The files of a model's folder by their paths in it; of files without a folder by their names. */
function folderOf(files: readonly File[]): { name: string; files: readonly GivenFile[] } {
  const inside = files.map((file): GivenFile => {
    const path = file.webkitRelativePath || file.name;
    return { name: path.replace(/^[^/]*\//, ""), file };
  });
  const missing = wanted.filter((name) => !inside.some((one) => one.name === name));
  if (missing.length > 0) {
    throw new Problem(
      `These files are no model: ${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} missing.`,
      {
        hint: "A model of pictures is a folder with config.json, model.safetensors and mostly preprocessor_config.json.",
        details: inside
          .map(({ name }) => name)
          .slice(0, 20)
          .join("\n"),
      },
    );
  }
  return { name: files[0]?.webkitRelativePath.split("/")[0] || "your model", files: inside };
}

export function browserLooker(): Looker {
  let worker: Worker | undefined;
  let next = 1;
  const pending = new Map<number, { resolve(answer: never): void; reject(error: unknown): void }>();
  const stop = (problem: Problem) => {
    worker?.terminate();
    worker = undefined;
    for (const { reject } of pending.values()) reject(problem);
    pending.clear();
  };
  function started(): Worker {
    if (worker) return worker;
    worker = new Worker(new URL("../engine/look/worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<LookReport>) => {
      const waiting = pending.get(data.id);
      pending.delete(data.id);
      if (data.kind === "answer") waiting?.resolve(data.answer as never);
      else waiting?.reject(problemFrom(data.failure.code, data.failure.message, data.failure.hint));
    });
    worker.addEventListener("error", ({ message }) =>
      stop(new Problem("What looks at pictures stopped working.", { hint: "Give the model again.", details: message })),
    );
    return worker;
  }
  const order = <T>(what: LookOrder): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const id = next++;
      pending.set(id, { resolve, reject });
      started().postMessage({ ...what, id });
    });
  return {
    async open(files) {
      const model = folderOf(files);
      return { ...(await order<OpenedLooker>({ kind: "open", model })), name: model.name };
    },
    look: (file) => order<Looked>({ kind: "look", file }),
    lay: (file, look) => order<Looked>({ kind: "lay", file, look }),
    close: () => stop(new Problem("Stopped.", { stopped: true })),
  };
}
