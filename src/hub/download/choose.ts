/** Which files of a repository a run needs. */

import { fail } from "../../errors.ts";
import { ggufFellows } from "../names.ts";
import type { Listing, RemoteFile } from "./listing.ts";
import { listedNames, takeWanted } from "./wanted.ts";

/** Small files that describe a model and its tokenizer, whatever its kind. */
const small = new Set([
  "README.md",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "config.json",
  "generation_config.json",
  "merges.txt",
  "preprocessor_config.json",
  "processor_config.json",
  "sentencepiece.bpe.model",
  "special_tokens_map.json",
  "spiece.model",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "vocab.json",
  "vocab.txt",
]);

/** Small files in folders: chat templates by name. */
const smallBelow = /^additional_chat_templates\/[^/]+\.jinja$/;

/** Files that people look for at one place: a repository's lack of them is remembered as Python remembers it. */
export const lookedFor = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "special_tokens_map.json",
  "spiece.model",
  "tokenizer.json",
  "tokenizer_config.json",
] as const;

/** How sentence-transformers make one vector of a text, with the small layers behind the pooling. */
const sentences = [
  /^(modules|sentence_[\w-]+_config|config_sentence_transformers)\.json$/,
  /^\d+_(?!Transformer\/)[A-Z]\w*\/(config\.json|model\.safetensors|pytorch_model\.bin)$/,
] as const;

const tokenizerFiles = ["tokenizer.json", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt"];

/** Weights in the order of preference; a kind counts when its first file, or an index, is there. */
const weightKinds = [
  [/^model\.safetensors$/],
  [/^model\.safetensors\.index\.json$/, /^model-\d{5}-of-\d{5}\.safetensors$/],
  [/^adapter_model\.safetensors$/, /^adapter_config\.json$/],
  [/^pytorch_model\.bin$/],
  [/^pytorch_model\.bin\.index\.json$/, /^pytorch_model-\d{5}-of-\d{5}\.bin$/],
] as const;

/** One `[…]` of a pattern, as fnmatch reads it. */
function readClass(pattern: string, open: number): { matches(char: string): boolean; end: number } | undefined {
  const negated = pattern[open + 1] === "!";
  const first = open + (negated ? 2 : 1);
  // A bracket right after the opening one stands for itself.
  const close = pattern.indexOf("]", first + 1);
  if (close < 0) return undefined;
  const set = pattern.slice(first, close);
  const matches = (char: string): boolean => {
    for (let i = 0; i < set.length; i++) {
      if (set[i + 1] === "-" && i + 2 < set.length) {
        if (char >= set[i]! && char <= set[i + 2]!) return true;
        i += 2;
      } else if (set[i] === char) return true;
    }
    return false;
  };
  return { matches: (char) => matches(char) !== negated, end: close + 1 };
}

/**
 * Whether a name fits a pattern as Python's `fnmatch` has it: `*` any text, slashes too, `?` one character, `[a-z]`,
 * `[!a-z]`. Takes at most (length of pattern) × (length of name) steps.
 */
export function matchesPattern(name: string, pattern: string): boolean {
  // One place behind a star to come back to is enough: a later star never needs an earlier one moved.
  let [p, n, starP, starN] = [0, 0, -1, 0];
  while (n < name.length) {
    const char = pattern[p];
    const group = char === "[" ? readClass(pattern, p) : undefined;
    if (char === "*") [starP, starN, p] = [p, n, p + 1];
    else if (group ? group.matches(name[n]!) : char === "?" || char === name[n]) [p, n] = [group?.end ?? p + 1, n + 1];
    else if (starP >= 0) [p, n, starN] = [starP + 1, starN + 1, starN + 1];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** A few names, for a hint. */
const someOf = (names: readonly string[], most: number): string =>
  names
    .slice(0, most)
    .map((name) => name.slice(0, 100))
    .join(", ");

/**
 * The files to fetch: with `include`, those that fit one of the patterns; otherwise configuration, tokenizer and the
 * weights in one format (safetensors; PyTorch's where there are none), never those of other frameworks.
 * @throws not_found when nothing fits; as {@link takeWanted} does
 */
export function chooseFiles(listing: Listing, where: string, include: readonly string[] = []): readonly RemoteFile[] {
  const names = listedNames(listing);
  if (include.length > 0) {
    const chosen = takeWanted(listing, where, (name) => include.some((pattern) => matchesPattern(name, pattern)));
    if (chosen.length > 0) return chosen;
    const there = listing.files.map(({ name }) => name);
    fail("not_found", `no file fits ${include.join(", ")}`, {
      where,
      hint: there.length > 0 ? `files there: ${someOf(there, 8)}` : "is this the right repository? it holds no file",
    });
  }
  const kind = weightKinds.find(([first]) => names.some((name) => first.test(name)));
  const chosen = takeWanted(
    listing,
    where,
    (name) => small.has(name) || [smallBelow, ...sentences, ...(kind ?? [])].some((pattern) => pattern.test(name)),
  );
  if (chosen.some(({ name }) => name === "config.json" || name === "adapter_config.json") && kind) return chosen;
  const others = listing.files
    .map(({ name }) => name)
    .filter((name) => /\.(gguf|onnx|h5|msgpack|bin|safetensors|pt)$/.test(name));
  const gguf = kind ? undefined : others.find((name) => name.endsWith(".gguf"));
  return fail("not_found", kind ? "holds no config.json" : "holds no weights as safetensors or pytorch_model.bin", {
    where,
    hint:
      gguf !== undefined
        ? `name one of its GGUF files, as in ${where}:${gguf.slice(0, 100)}`
        : others.length > 0
          ? `it holds ${someOf(others, 4)}; fetch those with --include, or choose another repository`
          : "is this the right repository?",
  });
}

/**
 * A GGUF file by its name, with the others that a model in several of them consists of.
 * @throws not_found naming those that there are; as {@link takeWanted} does
 */
export function chooseGguf(listing: Listing, where: string, name: string): readonly RemoteFile[] {
  const wanted = new Set(ggufFellows(name));
  const chosen = takeWanted(listing, where, (file) => wanted.has(file));
  if (chosen.length === wanted.size) return chosen;
  const there = listing.files.map((file) => file.name).filter((file) => file.endsWith(".gguf"));
  return fail("not_found", `holds no ${name}`, {
    where,
    hint: there.length > 0 ? `it holds ${someOf(there, 8)}` : "it holds no GGUF file: is this the right repository?",
  });
}

/**
 * What a cached snapshot lacks before a run can use it; undefined when nothing does.
 * @param names files there
 * @param shards names of the weight files an index lists, undefined when it cannot be read
 * @param known files of {@link lookedFor} that are known not to exist
 */
export function lacking(
  names: ReadonlySet<string>,
  shards: (index: string) => readonly string[] | undefined,
  known: (name: string) => boolean,
): string | undefined {
  const hasWeights = [...names].some((name) => /^(model|pytorch_model)\b.*\.(safetensors|bin|json)$/.test(name));
  // A GGUF file is a whole model.
  if (!hasWeights && [...names].some((name) => name.endsWith(".gguf"))) return undefined;
  if (names.has("adapter_config.json") && !names.has("config.json")) {
    return names.has("adapter_model.safetensors") ? undefined : "adapter_model.safetensors";
  }
  if (!names.has("config.json")) return "config.json";
  if (!names.has("model.safetensors") && !names.has("pytorch_model.bin")) {
    const index = ["model.safetensors.index.json", "pytorch_model.bin.index.json"].find((name) => names.has(name));
    if (!index) return "weights";
    const missing = shards(index)?.find((name) => !names.has(name));
    if (missing) return missing;
  }
  if (!tokenizerFiles.some((name) => names.has(name)) && !known("tokenizer.json")) return "tokenizer.json";
  return undefined;
}
