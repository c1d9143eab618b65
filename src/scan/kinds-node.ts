/**
 * What can be told of a file by its kind. Weights, tokenizers and graphs go through the readers of this program, none
 * of which runs anything; of the rest it is said what other programs would do with it.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { isJsonObject, type JsonObject, jsonLimits, parseJsonObject, shown } from "../base/json.ts";
import { ZerothError } from "../errors.ts";
import { decodeOnnx } from "../graph/read-onnx.ts";
import { isPlainFileName } from "../hub/names.ts";
import { checkRegex } from "../tokenizers/check.ts";
import { readSentencePieceModel } from "../tokenizers/sentencepiece/model.ts";
import { openSafetensors } from "../weights/safetensors-node.ts";
import { readPickle } from "../weights/torch/pickle.ts";
import { openTorch } from "../weights/torch/torch-node.ts";

export type Verdict = "safe" | "unsafe" | "unknown";

export interface Finding {
  readonly verdict: Verdict;
  /** What was found, with its place in the file where it has one. */
  readonly findings: readonly string[];
  /** What to do about it. */
  readonly hint?: string;
}

const safe: Finding = { verdict: "safe", findings: [] };
const unsafe = (hint: string, ...findings: string[]): Finding => ({ verdict: "unsafe", findings, hint });
const unknown = (hint: string, ...findings: string[]): Finding => ({ verdict: "unknown", findings, hint });

const hints = {
  code: "read it before you set trust_remote_code or start it; Zeroth needs none of it",
  pickle: "load it with no program that unpickles; ask for safetensors instead",
  refused: "do not load it with other programs either, unless you trust whoever made it",
  large: "nothing was looked at",
  archive: "unpack it into an empty folder and scan that",
  other: "other programs may run what it says: look up what reads this kind of file",
} as const;

const largest = 64 << 20;

/** Read a file with its reader: a typed refusal is what there is to say about it. */
function reading(read: () => unknown): Finding {
  try {
    read();
    return safe;
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    const hint = error.hint ?? hints.refused;
    return error.code === "unsupported" ? unknown(hint, error.message) : unsafe(hint, error.message);
  }
}

/** Whole files, up to a size. */
const whole =
  (most: number, look: (bytes: Uint8Array, path: string) => Finding) =>
  (path: string): Finding => {
    const { size } = statSync(path);
    if (size > most) return unknown(hints.large, `${size} bytes, at most ${most} are looked at`);
    return look(new Uint8Array(readFileSync(path)), path);
  };

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Ways from a template of Jinja's to Python. */
const escapes = /__\w+__|\|\s*attr\b|\bimport\b|\b(?:lipsum|cycler|joiner|self|config|request)\s*[.[]/;

const inTemplate = (text: string): string[] => {
  const found = escapes.exec(text)?.[0];
  return found ? [`a template that reaches for Python (${shown(found)})`] : [];
};

/** Values under a key, wherever in a JSON value; as deep as anything honest is. */
function* under(value: unknown, key: string, depth = 0): Iterable<unknown> {
  if (typeof value !== "object" || value === null || depth > 64) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === key && !Array.isArray(value)) yield inner;
    yield* under(inner, key, depth + 1);
  }
}

/** Keys by which a configuration asks for Python of its folder, or of somebody else's, to be run. */
const codeKeys = ["auto_map", "custom_pipelines", "trust_remote_code"] as const;

function inJson(json: JsonObject): string[] {
  const found: string[] = [];
  const asked = codeKeys.filter((key) => [...under(json, key)].some((value) => value !== false && value !== null));
  if (asked.length > 0) found.push(`asks for the folder's own Python code to be run (${asked.join(", ")})`);
  for (const template of under(json, "chat_template")) {
    // One text, or a list of named ones.
    found.push(
      ...[template, ...under(template, "template")].flatMap((t) => (typeof t === "string" ? inTemplate(t) : [])),
    );
  }
  for (const pattern of under(json, "Regex")) {
    if (typeof pattern !== "string") continue;
    const looked = reading(() => checkRegex(pattern, "a pattern"));
    found.push(...looked.findings);
  }
  if (isJsonObject(json.weight_map)) {
    const odd = Object.values(json.weight_map).find((name) => typeof name !== "string" || !isPlainFileName(name));
    if (odd !== undefined) found.push(`a shard is said to be in ${shown(String(odd))}, which is no plain file name`);
  }
  if ([...under(json, "class_name")].includes("Lambda")) found.push("a Keras Lambda layer, which is Python code");
  return found;
}

function lookAtJson(bytes: Uint8Array, path: string): Finding {
  let found: string[] = [];
  const looked = reading(() => {
    const text = textOf(bytes);
    // Lists, as vocab files and special tokens may be, hold nothing that is looked for.
    if (!text.trimStart().startsWith("[")) found = inJson(parseJsonObject(text, basename(path), jsonLimits.tokenizer));
  });
  return found.length > 0 ? unsafe(hints.code, ...found) : looked;
}

function lookAtPickle(bytes: Uint8Array, path: string): Finding {
  const looked = reading(() => readPickle(bytes, 0, basename(path)));
  return looked.verdict === "safe" ? safe : { ...looked, verdict: "unsafe", hint: hints.pickle };
}

/** Arrays of Python objects are pickles. */
function lookAtNumpy(bytes: Uint8Array): Finding {
  if (textOf(bytes.subarray(1, 6)) !== "NUMPY") return unsafe(hints.refused, "is no array of NumPy's");
  const head = textOf(bytes.subarray(0, 4096));
  return /'descr':[^}]*\bO\d?'|\|O/.test(head)
    ? unsafe(hints.pickle, "an array of Python objects, which is a pickle")
    : safe;
}

function lookAtKeras(bytes: Uint8Array): Finding {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("Lambda");
  return at >= 0
    ? unsafe(
        "load it with safe_mode=True, or not at all",
        `"Lambda" at byte ${at}: a Keras Lambda layer is Python code`,
      )
    : unknown(hints.other, "a Keras file: other layers may hold code too");
}

interface Kind {
  readonly kind: string;
  readonly matches: RegExp;
  look(path: string): Finding;
}

/** By name; the first that matches. */
const kinds: readonly Kind[] = [
  { kind: "safetensors", matches: /\.safetensors$/i, look: (path) => reading(() => openSafetensors(path)) },
  { kind: "torch", matches: /\.(bin|pt|pth|ckpt|mdl)$/i, look: (path) => reading(() => openTorch(path)) },
  { kind: "json", matches: /\.json$/i, look: whole(jsonLimits.tokenizer, lookAtJson) },
  {
    kind: "sentencepiece",
    matches: /\.model$/i,
    look: whole(largest, (bytes, path) => reading(() => readSentencePieceModel(bytes, path))),
  },
  { kind: "onnx", matches: /\.onnx$/i, look: whole(4 * largest, (bytes) => reading(() => decodeOnnx(bytes))) },
  { kind: "pickle", matches: /\.(pkl|pickle|p|joblib|dill|dat|data)$/i, look: whole(largest, lookAtPickle) },
  { kind: "numpy", matches: /\.npy$/i, look: whole(4 * largest, lookAtNumpy) },
  { kind: "keras", matches: /\.(h5|hdf5|keras)$/i, look: whole(4 * largest, lookAtKeras) },
  {
    kind: "code",
    matches:
      /\.(py[cdowx]?|ipynb|so(\.\d+)*|dll|dylib|exe|com|msi|scr|app|sh|bash|zsh|fish|bat|cmd|ps1|vbs|lnk|desktop|js|mjs|cjs|ts|rb|pl|php|lua|r|jar|class|whl|egg|node|wasm|html?|svg)$/i,
    look: () => unsafe(hints.code, "is code; this program never runs it, others do when told to trust it"),
  },
  {
    kind: "archive",
    matches: /\.(zip|npz|7z|rar|tar|t?gz|t?bz2?|t?xz|zst|nemo|mar|iso|cab)$/i,
    look: () => unknown(hints.archive, "an archive, which can hold anything"),
  },
  {
    kind: "template",
    matches: /\.(jinja2?|j2)$/i,
    look: whole(largest, (bytes) => {
      const found = inTemplate(textOf(bytes));
      return found.length > 0 ? unsafe("render it in a sandbox, or not at all", ...found) : safe;
    }),
  },
  {
    kind: "text",
    matches:
      /(\.(md|txt|csv|tsv|jsonl|parquet|png|jpe?g|gif|webp|pdf)|^\.gitattributes|^\.gitignore|^LICEN[CS]E|^NOTICE)$/i,
    look: () => safe,
  },
];

/** What a file is by its first bytes, whatever it is called: programs, and pickles of protocol 2 and later. */
function sniffed(path: string): Omit<Kind, "matches"> | undefined {
  const head = new Uint8Array(4);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, 4, 0);
  } finally {
    closeSync(file);
  }
  const text = Buffer.from(head).toString("latin1");
  const program = text.startsWith("\u007fELF") || text.startsWith("MZ") || text.startsWith("#!");
  if (program) return { kind: "code", look: () => unsafe(hints.code, "is a program, by its first bytes") };
  // Mach-O, in both orders and for several processors at once.
  if (["cffaedfe", "feedfacf", "cafebabe"].includes(Buffer.from(head).toString("hex"))) {
    return { kind: "code", look: () => unsafe(hints.code, "is a program, by its first bytes") };
  }
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) return { kind: "pickle", look: whole(largest, lookAtPickle) };
  if (text.startsWith("PK\u0003\u0004")) {
    return { kind: "archive", look: () => unknown(hints.archive, "an archive by its first bytes") };
  }
  return undefined;
}

/** Kinds whose readers say themselves when a file is something else than its name. */
const certain: ReadonlySet<string> = new Set([
  "safetensors",
  "torch",
  "json",
  "sentencepiece",
  "onnx",
  "pickle",
  "numpy",
  "code",
]);

/** Look at one file: by its name, and by its first bytes where the name promises nothing. */
export function lookAt(path: string, name: string): Finding & { readonly kind: string } {
  const named = kinds.find(({ matches }) => matches.test(name));
  const found = named && certain.has(named.kind) ? named : (sniffed(path) ?? named);
  if (found) return { kind: found.kind, ...found.look(path) };
  return { kind: "other", ...unknown(hints.other, "is of a kind that this program does not read") };
}
