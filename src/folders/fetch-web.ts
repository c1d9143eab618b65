/** Model folders over the network: config, tokenizer and weights fetched from one base address, checked like files. */

import { type JsonObject, jsonLimits, parseJsonObject } from "../base/json.ts";
import { headBytes, refuseMistaken } from "../base/sniff.ts";
import { fail } from "../errors.ts";
import { aboutOf } from "../tokenizers/formats/about.ts";
import { tokenizerKind, tokenizerKindFiles } from "../tokenizers/formats/kinds.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { safetensorsInMemory } from "../weights/safetensors-memory.ts";
import { refuseForeignStorage } from "../weights/schemes.ts";
import { needRoomInPage } from "../weights/unfold.ts";
import type { Weights } from "../weights/weights.ts";
import { chatTemplateFiles, chatTemplatesOf, templateLimit } from "./chat-templates.ts";
import { ggufInMemory } from "./gguf/in-memory.ts";
import { poolingFiles } from "./gguf/pooling.ts";

export interface FetchedFolder {
  readonly config: JsonObject;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  readonly generationConfig: JsonObject | undefined;
}

/** The same with the tokenizer opened on demand: a model of images has none. */
export interface FetchedParts extends Omit<FetchedFolder, "tokenizer"> {
  /** @throws not_found where the server has none; corrupt_file, unsupported */
  tokenizer(): Promise<Tokenizer>;
  /** Chat templates by name: those of the files that have one name; a server does not list its folders. */
  chatTemplates(): Promise<ReadonlyMap<string, string>>;
  readonly tokenizerConfig: JsonObject | undefined;
  /** Another file of the folder; undefined where the server has none. */
  file(name: string): Promise<Uint8Array | undefined>;
}

export interface FetchFolderOptions {
  /** How to fetch; the global `fetch` by default. */
  readonly fetch?: (address: string, init: { signal?: AbortSignal }) => Promise<Response>;
  /** Told how many bytes of the weights are here, and of how many where the server says so. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** The body in one piece, counted as it comes; where the size is known nothing is copied twice. */
async function receive(response: Response, onProgress: FetchFolderOptions["onProgress"]): Promise<Uint8Array> {
  const announced = Number(response.headers.get("content-length"));
  // A compressed answer announces the size of what travels, not of what arrives.
  const total = announced > 0 && !response.headers.get("content-encoding") ? announced : undefined;
  if (!response.body) return new Uint8Array(await response.arrayBuffer());
  const whole = total === undefined ? undefined : new Uint8Array(total);
  const pieces: Uint8Array[] = [];
  let received = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (whole && received + part.value.length > whole.length) {
      await reader.cancel();
      fail("corrupt_file", `more than the announced ${whole.length} bytes came`, { where: response.url });
    }
    if (whole) whole.set(part.value, received);
    else pieces.push(part.value);
    received += part.value.length;
    onProgress?.(received, total);
  }
  if (whole) return whole.subarray(0, received);
  const joined = new Uint8Array(received);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/**
 * Open the model folder at `base`: config.json, model.safetensors, and the files of its tokenizer; or the GGUF file.
 * @throws not_found for a file the server does not have; corrupt_file for one that is not what it should be;
 *   unsupported for weights that another program has quantised
 */
export async function fetchModelFolder(base: string | URL, options: FetchFolderOptions = {}): Promise<FetchedFolder> {
  const { config, weights, generationConfig, tokenizer } = await fetchModelParts(base, options);
  return { config, weights, generationConfig, tokenizer: await tokenizer() };
}

/** The parts of {@link fetchModelFolder}, of which the tokenizer may be missing until it is asked for. */
export async function fetchModelParts(base: string | URL, options: FetchFolderOptions = {}): Promise<FetchedParts> {
  const { fetch = globalThis.fetch.bind(globalThis), onProgress, signal } = options;
  const root = String(base).replace(/\/*$/, "/");
  const get = async (name: string, address = root + name): Promise<Response | undefined> => {
    let response: Response;
    try {
      response = await fetch(address, signal ? { signal } : {});
    } catch (cause) {
      if (signal?.aborted) fail("interrupted", "stopped on request", { cause });
      return fail("not_found", "cannot be reached", { where: address, hint: "is the server running?", cause });
    }
    return response.ok ? response : undefined;
  };
  const needed = async (name: string): Promise<Response> =>
    (await get(name)) ??
    fail("not_found", "the server does not have this file", {
      where: root + name,
      hint: "a model folder has config.json, tokenizer.json and model.safetensors",
    });
  const json = async (name: string): Promise<JsonObject> =>
    parseJsonObject(await (await needed(name)).text(), root + name, jsonLimits.config);
  const setting = async (name: string): Promise<JsonObject | undefined> => {
    const found = await get(name);
    return found ? parseJsonObject(await found.text(), root + name, jsonLimits.config) : undefined;
  };
  if (/\.gguf\/$/i.test(root)) {
    const file = root.slice(0, -1);
    const answer = (await get("", file)) ?? fail("not_found", "the server does not have this file", { where: file });
    const { tokenizer, ...model } = ggufInMemory(await receive(answer, onProgress), file);
    const { config, weights, generationConfig, tokenizerConfig } = model;
    const templates = { config: tokenizerConfig, json: undefined, jinja: undefined, additional: new Map() };
    return {
      config,
      weights,
      generationConfig,
      tokenizer: async () => tokenizer(),
      chatTemplates: async () => chatTemplatesOf(templates),
      tokenizerConfig,
      async file(name) {
        const text = poolingFiles(model).get(name);
        return text === undefined ? undefined : new TextEncoder().encode(text);
      },
    };
  }
  const [config, tokenizer, settings, generationConfig, weights] = await Promise.all([
    json("config.json"),
    get("tokenizer.json"),
    setting("tokenizer_config.json"),
    setting("generation_config.json"),
    needed("model.safetensors").then((response) => receive(response, onProgress)),
  ]);
  const stored = safetensorsInMemory(weights, `${root}model.safetensors`);
  refuseForeignStorage(config, stored, root);
  needRoomInPage(stored, root.slice(0, -1));
  return {
    config,
    weights: stored,
    tokenizer: () => fetchTokenizer({ root, config, settings, found: tokenizer, get, setting }),
    tokenizerConfig: settings,
    async file(name) {
      const found = await get(name);
      return found && receive(found, undefined);
    },
    generationConfig,
    async chatTemplates() {
      const [jinja, processor] = await Promise.all([
        get(chatTemplateFiles.jinja).then((found) => found && templateText(found, root + chatTemplateFiles.jinja)),
        setting(chatTemplateFiles.json),
      ]);
      return chatTemplatesOf({ config: settings, json: processor, jinja, additional: new Map() });
    },
  };
}

async function templateText(found: Response, where: string): Promise<string> {
  const bytes = await receive(found, undefined);
  if (bytes.length > templateLimit) {
    fail("corrupt_file", `${bytes.length} bytes, at most ${templateLimit} are read`, { where });
  }
  refuseMistaken(bytes.subarray(0, headBytes), bytes.length, where, "empty");
  return new TextDecoder().decode(bytes);
}

/** The tokenizer of whichever kind the server has the files of; tokenizer.json, where there is one, is asked for first. */
async function fetchTokenizer(from: {
  root: string;
  config: JsonObject;
  settings: JsonObject | undefined;
  found: Response | undefined;
  get(name: string): Promise<Response | undefined>;
  setting(name: string): Promise<JsonObject | undefined>;
}): Promise<Tokenizer> {
  const { root, config, settings, found, get, setting } = from;
  const files = new Map<string, Uint8Array>();
  const keep = async (name: string, response: Response | undefined): Promise<void> => {
    if (!response) return;
    const bytes = await receive(response, undefined);
    if (bytes.length > jsonLimits.tokenizer) {
      fail("corrupt_file", `${bytes.length} bytes, at most ${jsonLimits.tokenizer} are read`, { where: root + name });
    }
    files.set(name, bytes);
  };
  await keep("tokenizer.json", found);
  // One kind after the other, until the server has all files of one.
  for (const names of tokenizerKindFiles) {
    if (files.size > 0) break;
    for (const name of names) await keep(name, await get(name));
    if (!names.every((name) => files.has(name))) files.clear();
  }
  const about = aboutOf((name) => files.has(name), config, settings);
  const [special, added] = await Promise.all([setting("special_tokens_map.json"), setting("added_tokens.json")]);
  return tokenizerKind(about, root.slice(0, -1)).open({
    about,
    where: root.slice(0, -1),
    settings: { config: settings, special, added },
    bytes: (name) => files.get(name)!,
  });
}
