/** What a person may call a model, and where the Hugging Face cache would hold it. Pure: nothing here touches a disk. */

import { shown } from "../base/json.ts";
import { editDistance } from "../base/nearest.ts";
import { fail } from "../errors.ts";

export type ModelName =
  | { readonly kind: "path"; readonly path: string }
  | {
      readonly kind: "name";
      /** `org/name` or `name`. */
      readonly repo: string;
      readonly revision: string | undefined;
      /** A GGUF file of the repository: the one that `org/name:file.gguf` names. */
      readonly file?: string;
      /** The text as given: a plain relative folder of this name wins. */
      readonly path: string;
    };

export type Environment = Readonly<Record<string, string | undefined>>;

const segment = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?$/;
const revisionSegment = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$/;
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
const explicitPath = /^(\.{1,2}(?=\/|$)|\/|~\/|[A-Za-z]:[\\/]|\.{1,2}\\)/;

function isSegment(text: string): boolean {
  return segment.test(text) && !text.includes("..") && !text.includes("--") && !deviceName.test(text);
}

/** Whether this is a plain file name: no folder, no way up, nothing a system treats specially. */
export function isPlainFileName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._+=@-]{0,199}$/.test(name) && !name.endsWith(".") && !deviceName.test(name);
}

/** Names of a model in several GGUF files: `NAME-00001-of-00003.gguf`. */
const shard = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;
const mostShards = 1000;

/** The names of all files of the model that this GGUF file belongs to, the first one first. */
export function ggufFellows(name: string): string[] {
  const [, stem, , count] = shard.exec(name) ?? [];
  if (stem === undefined || !(Number(count) >= 1 && Number(count) <= mostShards)) return [name];
  const number = (n: number) => String(n).padStart(5, "0");
  return Array.from({ length: Number(count) }, (_, i) => `${stem}-${number(i + 1)}-of-${count}.gguf`);
}

/**
 * Sort a model name into a path or a repository name.
 * @param allowPaths false where the name comes from someone who must not read this disk (a server's client)
 * @throws bad_input for names that are neither; nothing was looked up then
 */
export function parseModelName(name: string, allowPaths = true): ModelName {
  const refuse = (why: string): never =>
    fail("bad_input", `${shown(name)} is not a model name: ${why}`, {
      hint: `give org/name, org/name@revision${allowPaths ? ", org/name:file.gguf, or a folder or .gguf file starting with ./ or /" : " or org/name:file.gguf"}`,
    });
  if (name.length === 0) return refuse("it is empty");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return refuse("it holds a control character");
  if (name.length > 4096) return refuse(`it is ${name.length} characters long`);
  if (explicitPath.test(name)) return allowPaths ? { kind: "path", path: name } : refuse("paths are not allowed here");
  const [, before, file] = /^([^:]*):(.+\.gguf)$/.exec(name) ?? [];
  if (file !== undefined && (file.split("/").length > 4 || !file.split("/").every(isPlainFileName))) {
    return refuse(`${shown(file)} is not a file name`);
  }
  const [repo = "", revision, ...rest] = (before ?? name).split("@");
  if (rest.length > 0) return refuse("it holds more than one @");
  const parts = repo.split("/");
  const bad = parts.find((part) => !isSegment(part));
  if (bad !== undefined) {
    return refuse(bad.length > 96 ? "a part is longer than 96 characters" : `${shown(bad)} cannot be part of one`);
  }
  if (revision !== undefined) {
    const pieces = revision.split("/");
    const odd = (part: string) => !revisionSegment.test(part) || part.includes("..") || deviceName.test(part);
    if (pieces.length > 4 || pieces.some((part) => odd(part) || part.endsWith("."))) {
      return refuse(`${shown(revision)} is not a revision`);
    }
  }
  if (parts.length > 2) {
    if (!allowPaths || revision !== undefined || file !== undefined) return refuse("it has more than two parts");
    return { kind: "path", path: name };
  }
  return { kind: "name", repo, revision, ...(file !== undefined && { file }), path: name };
}

/** `HF_HUB_CACHE`, its old name, `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub`. */
export function cacheFolder(env: Environment): string | undefined {
  const home = env.HOME || env.USERPROFILE;
  const expand = (path: string): string => (home && /^~(?=\/|$)/.test(path) ? home + path.slice(1) : path);
  const direct = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  if (direct) return expand(direct);
  if (env.HF_HOME) return `${expand(env.HF_HOME)}/hub`;
  if (env.XDG_CACHE_HOME) return `${expand(env.XDG_CACHE_HOME)}/huggingface/hub`;
  return home ? `${home}/.cache/huggingface/hub` : undefined;
}

/** What a repository of the hub holds. */
export type RepoKind = "model" | "dataset";

/** `models--org--name`, `datasets--org--name`. */
export function cacheName(repo: string, kind: RepoKind = "model"): string {
  return `${kind}s--${repo.replaceAll("/", "--")}`;
}

/** `org/name` of a cache folder's name, or undefined when it is none of this kind. */
export function repoOfCacheName(folder: string, kind: RepoKind = "model"): string | undefined {
  const start = `${kind}s--`;
  if (!folder.startsWith(start)) return undefined;
  const parts = folder.slice(start.length).split("--");
  return parts.length <= 2 && parts.every(isSegment) ? parts.join("/") : undefined;
}

/** The names nearest to what was typed, at most three, none that is mostly different. */
export function nearestNames(name: string, known: readonly string[]): string[] {
  const typed = name.slice(0, 200).toLowerCase();
  return known
    .map((candidate) => {
      const whole = candidate.toLowerCase();
      const tail = whole.slice(whole.indexOf("/") + 1);
      return { candidate, edits: Math.min(editDistance(typed, whole), editDistance(typed, tail) + 0.5) };
    })
    .filter(({ edits }) => edits <= Math.max(2, typed.length * 0.4))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}
