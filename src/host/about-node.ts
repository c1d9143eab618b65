/** What a model is, from its config.json and the names of its files: no weight is opened. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../base/files-node.ts";
import { ZerothError } from "../errors.ts";
import { type ModelFolder, openModelFolder } from "../folders/open-node.ts";
import { familyOf } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import { headOf } from "../models/kinds/encoder.ts";
import { wholeGraph } from "../models/kinds/whole.ts";
import { readChatTemplate } from "../text/chat/render.ts";
import { transformerFolder } from "../text/embedding/config-node.ts";
import { withGenerationConfig } from "../text/generation-config.ts";
import { attempt } from "../text/jobs.ts";
import type { ModelAbout } from "./engine.ts";

/** The files that hold the weights: the first format that is there, as opening takes it. */
const weightFiles: readonly RegExp[] = [
  /^model\b.*\.safetensors$/,
  /^pytorch_model\b.*\.bin$/,
  /^pytorch_model\.bin$/,
  /\.gguf$/,
  /^model_optim_rng\.pt$/,
];

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes of the weight files of a folder, or of a GGUF file and those that belong to it; 0 where there are none. */
function weightBytes({ path, gguf }: ModelFolder): number {
  if (gguf) return gguf.files.reduce((sum, file) => sum + sizeOf(file), 0);
  const names = namesIn(path);
  const taken = weightFiles
    .map((pattern) => names.filter((name) => pattern.test(name)))
    .find((some) => some.length > 0);
  return (taken ?? []).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** Milliseconds since 1970. */
function newestFile({ path, gguf }: ModelFolder): number {
  const paths = gguf ? gguf.files : namesIn(path).map((name) => join(path, name));
  return Math.max(0, ...paths.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

const elements = (shape: readonly unknown[]): number => shape.reduce((product: number, n) => product * Number(n), 1);

/** Heads whose results are asked for as scores. */
const toldHeads: ReadonlySet<string> = new Set(["sequence", "tokens", "span", "choice"]);

function canOf(architecture: Architecture, vectors: boolean): ModelAbout["can"] {
  switch (architecture.kind) {
    case "encoder-decoder":
      return ["generate", "score"];
    case "decoder":
      if (headOf(architecture) !== undefined) return ["embed", "classify"];
      return vectors ? ["embed"] : ["generate", "score", "embed"];
    case "encoder":
      return toldHeads.has(headOf(architecture) ?? "") ? ["embed", "classify"] : ["embed"];
    case "image-encoder":
      return (architecture.labels ?? []).length > 0 ? ["embed", "classify"] : ["embed"];
    default:
      return [];
  }
}

const parametersOf = (architecture: Architecture): number =>
  wholeGraph(architecture).parameters.reduce((sum, { outputs }) => sum + elements(outputs[0]!.shape), 0);

/** Whether there is a chat template, and whether it is told of tools. One that cannot be read says so when it is used. */
function chatOf(folder: ModelFolder): Pick<ModelAbout, "chat" | "tools"> {
  const templates = folder.chatTemplates;
  if (templates === undefined || templates.size === 0) return { chat: false, tools: false };
  const usual = templates.get("default");
  const read = usual === undefined ? undefined : attempt(() => readChatTemplate(usual));
  const tools =
    templates.has("tool_use") || (read && !(read instanceof ZerothError) && read.uses.has("tools")) === true;
  return { chat: true, tools };
}

/** What the makers recommend. A file that cannot be read says so when the model is opened. */
function defaultsOf({ config, generationConfig }: ModelFolder, architecture: Architecture): ModelAbout["defaults"] {
  if (architecture.kind !== "decoder" && architecture.kind !== "encoder-decoder") return undefined;
  const taken = attempt(() => withGenerationConfig(architecture, config, generationConfig));
  if (taken instanceof ZerothError) return undefined;
  const { sample, temperature, topP, topK, minP, repetitionPenalty, maxNewTokens } = taken.generation.defaults;
  const all = { sample, temperature, topP, topK, minP, repetitionPenalty, maxNewTokens };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What a folder's files are, as far as it can be told without reading them. */
function stampOf(path: string): string {
  const names = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? namesIn(path) : [""];
  const stats = names.map((name) => statSync(join(path, name), { throwIfNoEntry: false }));
  return stats.map((stat) => `${stat?.mtimeMs} ${stat?.size}`).join();
}

/** A deep network, or a long vocabulary in a GGUF file, takes a moment: read once, until the files are others. */
const read = new Map<string, { readonly stamp: string; readonly about: ModelAbout }>();

/**
 * What the folder, or the GGUF file, at a path holds.
 * @param id the name it is asked for by
 * @throws not_found for a folder without config.json or weights; unsupported for a family that is not known here;
 *   corrupt_file for a configuration that cannot be read
 */
export async function aboutModel(id: string, path: string): Promise<ModelAbout> {
  const stamp = stampOf(path);
  const known = read.get(path);
  const about = known?.stamp === stamp ? known.about : await readAbout(id, path);
  read.set(path, { stamp, about });
  return { ...about, id };
}

async function readAbout(id: string, path: string): Promise<ModelAbout> {
  const home = await transformerFolder(path);
  const folder = openModelFolder(home, { weights: "unread" });
  const bytes = weightBytes(folder);
  if (bytes === 0) throw new ZerothError("not_found", "its weights are not on this machine", { where: id });
  const architecture = familyOf(folder.config, id).read(folder.config);
  const { kind, type: family } = architecture;
  // A folder of sentence-transformers is there for its vectors.
  const vectors = !folder.gguf && existsSync(join(path, "modules.json"));
  const can = canOf(architecture, vectors);
  const defaults = can.includes("generate") ? defaultsOf(folder, architecture) : undefined;
  const longest = "longest" in architecture ? architecture.longest : undefined;
  return {
    ...{ id, kind, family, bytes },
    parameters: parametersOf(architecture),
    can,
    ...(defaults && { defaults }),
    vocabulary: "vocabulary" in architecture ? architecture.vocabulary : 0,
    ...(longest !== undefined && { longest }),
    ...chatOf(folder),
    created: Math.floor(newestFile(folder) / 1000),
  };
}
