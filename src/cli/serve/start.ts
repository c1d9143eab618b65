/** Starting the server of `zeroth serve`: what was typed becomes an engine, keys and a page. */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, ZerothError } from "../../errors.ts";
import { needAdapterId } from "../../host/adapters/names.ts";
import type { AdapterOptions } from "../../host/adapters/registry-node.ts";
import { childEngine } from "../../host/child-node.ts";
import type { Engine } from "../../host/engine.ts";
import { embedded, openLibrary } from "../../host/library-node.ts";
import { parseModelName } from "../../hub/names.ts";
import type { LogLine } from "../../server/context.ts";
import { fixedKeys } from "../../server/guards/keys.ts";
import type { ServedAdapter } from "../../server/jobs/adapters-node.ts";
import { openHub } from "../../server/jobs/hub-node.ts";
import { openPage } from "../../server/page-node.ts";
import { type ServeOptions, type Serving, serve } from "../../server/serve-node.ts";
import { storedKeys } from "../../server/stored/keys.ts";
import { homeFolder, openState } from "../../state/open-node.ts";
import { isAdapterFolder } from "../../text/adapters/about-node.ts";
import { needDevice, withAdapter } from "../engine.ts";
import type { Output } from "../output.ts";
import { threadsFor } from "../threads.ts";

export interface StartFlags {
  readonly model?: readonly string[];
  readonly adapters?: string;
  readonly adapter?: readonly string[];
  readonly host?: string;
  readonly port: number;
  /** Take the next free port where this one is taken. */
  readonly tryNext: boolean;
  readonly apiKey?: readonly string[];
  readonly cors?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly maxQueue?: number;
  readonly idle?: number;
  readonly download?: boolean;
  readonly page?: boolean;
  readonly device?: "cpu" | "webgpu" | "cuda" | "auto";
  readonly threads?: number;
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4";
  readonly activations?: "fp32" | "int8";
}

/** Where the page lies that was built with the package. */
const pageFolder = (): string => fileURLToPath(new URL("../../dist/web", import.meta.url));

/** Models that were named: of the hub by their names, folders and files by the last part of theirs. */
function modelsOf(names: readonly string[]): {
  readonly pinned: readonly string[];
  readonly folders: Record<string, string>;
  /** Adapters that were named with them, as BASE:NAME=FOLDER. */
  readonly tuned: readonly string[];
} {
  const folders: Record<string, string> = {};
  const tuned: string[] = [];
  const pinned = names.map((given) => {
    const { name, adapter } = withAdapter({ model: given });
    const parsed = parseModelName(name);
    const path = parsed.kind === "path" ? resolve(parsed.path) : undefined;
    if (path !== undefined && !existsSync(path)) fail("not_found", "there is no such folder or file", { where: name });
    const id = path === undefined ? name : basename(path).replace(/\.gguf$/i, "");
    if (adapter !== undefined) tuned.push(`${id}:${basename(resolve(adapter))}=${adapter}`);
    if (path === undefined) return id;
    if ((folders[id] ?? path) !== path)
      fail("wrong_use", `two models would be called "${id}"`, { hint: "rename one of their folders" });
    folders[id] = path;
    return id;
  });
  return { pinned: [...new Set(pinned)], folders, tuned };
}

/** Adapters that were named, by `base:name`, and the folder of adapters. */
function adaptersOf(named: readonly string[], folder: string | undefined, base: string): AdapterOptions {
  const adapters: Record<string, string> = {};
  for (const given of named) {
    const at = given.indexOf("=");
    const [name, place] = [given.slice(0, at), given.slice(at + 1)];
    if (at <= 0 || place === "") {
      fail("wrong_use", `--adapter ${given}: expected NAME=FOLDER or BASE:NAME=FOLDER`);
    }
    const path = resolve(place);
    if (!isAdapterFolder(path)) fail("not_found", "no folder of an adapter", { where: place });
    const id = name.includes(":") ? name : `${base}:${name}`;
    needAdapterId(id);
    if (Object.hasOwn(adapters, id)) fail("wrong_use", `two adapters would be called "${id}"`);
    adapters[id] = path;
  }
  if (folder === undefined) return { adapters };
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    fail("not_found", "there is no such folder of adapters", { where: folder });
  }
  return { adapters, adapterFolder: resolve(folder) };
}

/** Say which adapters are served, and which folders hold one that is not. */
async function sayAdapters(engine: Engine, output: Output): Promise<void> {
  const { refused } = await engine.scanAdapters();
  const names = (await engine.adapters()).map(({ id }) => id);
  const more = names.length > 5 ? `, and ${names.length - 5} more` : "";
  output.say(
    `${names.length} adapter${names.length === 1 ? "" : "s"}: ${names.slice(0, 5).join(", ") || "none"}${more}`,
  );
  for (const { folder, why } of refused) output.say(`not served: ${folder}: ${why}`);
}

/** Serve what fine-tuning jobs have made, and no more what was deleted. */
async function serveAdapters(
  engine: Engine,
  added: readonly ServedAdapter[],
  removed: readonly ServedAdapter[],
): Promise<void> {
  for (const { id } of removed) await engine.removeAdapter(id);
  for (const { model, name, path } of added) await engine.addAdapter(model, name, path);
}

/** A line a request, for people. */
function shownLine({ method, route, status, ms, model, promptTokens, answerTokens, error }: LogLine): string {
  const tokens = promptTokens === undefined ? "" : `  ${promptTokens}+${answerTokens ?? 0} tokens`;
  const why = error === undefined ? "" : `  ${error.split("\n", 1)[0]}`;
  return `${method} ${route} ${status}  ${ms} ms${model === undefined ? "" : `  ${model}`}${tokens}${why}`;
}

/** Serve on the port, or on one of the next where that was not asked for by number. */
async function serveOn(options: ServeOptions, tryNext: boolean, output: Output): Promise<Serving> {
  const { port = 0 } = options;
  for (let next = port; ; next++) {
    try {
      const serving = await serve({ ...options, port: next });
      if (next !== port) output.say(`port ${port} is taken: serving on ${next}`);
      return serving;
    } catch (error) {
      const taken = error instanceof ZerothError && (error.cause as NodeJS.ErrnoException)?.code === "EADDRINUSE";
      if (!taken || !tryNext || next === port + 20) throw error;
    }
  }
}

/** The line to try, whatever the first model is. */
function curlLine(url: string, model: string, guarded: boolean): string {
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content: "Is this a fact or an opinion? Snow is cold." }],
  });
  const key = guarded ? " -H 'Authorization: Bearer KEY'" : "";
  return `curl ${url}/v1/chat/completions -H 'Content-Type: application/json'${key} -d '${body}'`;
}

/** Begin to serve; what is returned closes the server, then its engine. */
export async function startServer(
  flags: StartFlags,
  output: Output,
  signal: AbortSignal,
): Promise<{ readonly serving: Serving; close(): Promise<void> }> {
  const { device = "auto", idle, maxQueue, host } = flags;
  const given = process.env.ZEROTH_API_KEY;
  const keys = [...(flags.apiKey ?? []), ...(given ? given.split(",") : [])].map((key) => key.trim());
  if (keys.some((key) => !/^\S{1,500}$/.test(key))) fail("wrong_use", "a key is 1 to 500 characters without spaces");
  if (device === "webgpu" || device === "cuda") await needDevice(device, signal);
  if (flags.activations === "int8")
    output.say("products of GGUF files round activations to 8 bits: answers differ from the exact ones");
  const { pinned, folders, tuned: named } = modelsOf(flags.model ?? []);
  const tuned = adaptersOf([...named, ...(flags.adapter ?? [])], flags.adapters, pinned[0] ?? embedded);
  const folder = pageFolder();
  const page = flags.page !== false && existsSync(folder) ? openPage(folder) : undefined;
  const state = await openState(process.env);
  const threads = threadsFor(flags.threads, output);
  const engine = childEngine({
    ...{ pinned, folders, download: flags.download !== false, ...tuned },
    device: device === "auto" ? "cpu" : device,
    threads,
    ...(flags.dtype !== undefined && { dtype: flags.dtype }),
    ...(flags.activations !== undefined && { activations: flags.activations }),
    ...(maxQueue !== undefined && { live: { waiting: maxQueue } }),
    ...(idle !== undefined && { closesAfter: idle === 0 ? Number.POSITIVE_INFINITY : idle * 1000 }),
  });
  const close = async () => {
    await engine[Symbol.asyncDispose]();
    await state.close();
  };
  const problem = (error: unknown): void =>
    output.say(`the database: ${error instanceof Error ? error.message : String(error)}`);
  try {
    const first = keys.length > 0 ? fixedKeys(keys) : undefined;
    const stored = storedKeys(state, {
      ...(first && { first }),
      log(line) {
        output.row(line);
        if (!output.json) output.say(shownLine(line));
      },
      problem,
    });
    const options: ServeOptions = {
      ...{ engine, state, problem, keys: stored.keys },
      port: flags.port,
      tuning: {
        ...{ home: homeFolder(process.env), pathOf: openLibrary({ folders }).pathOf, threads },
        changed: ({ added, removed }) => serveAdapters(engine, added, removed),
      },
      ...(host !== undefined && { host }),
      ...(flags.cors && { cors: flags.cors }),
      ...(flags.allowedHost && { hosts: flags.allowedHost }),
      ...(maxQueue !== undefined && { limits: { requests: maxQueue } }),
      ...(pinned[0] !== undefined && { model: pinned[0] }),
      ...(page && { page }),
      ...(flags.download !== false && { hub: openHub() }),
      log: stored.log,
    };
    const serving = await serveOn(options, flags.tryNext, output);
    const seconds = (performance.now() / 1000).toFixed(1);
    const guarded = await stored.keys.needed();
    if (tuned.adapterFolder !== undefined || Object.keys(tuned.adapters ?? {}).length > 0)
      await sayAdapters(engine, output);
    output.row({ url: serving.url });
    const here = `${serving.url}${page ? " is a page" : ""}, and OpenAI's interface under /v1`;
    // In one piece: who waits for the first has the line to try as well.
    output.text(`${here} (ready in ${seconds} s). Try:\n${curlLine(serving.url, pinned[0] ?? embedded, guarded)}\n`);
    return {
      serving,
      async close() {
        await serving.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
