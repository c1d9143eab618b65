/**
 * What can be told of a file by its kind. Weights, tokenizers and graphs go through the readers of this program, none
 * of which runs anything; of the rest it is said what other programs would do with it. Nothing is called safe of which
 * a byte was not looked at.
 */

import { readBytes, withFile } from "../base/read-node.ts";
import { headBytes, mistakenFor, sniff } from "../base/sniff.ts";
import { decodeOnnx } from "../graph/read-onnx.ts";
import { readSentencePieceModel } from "../tokenizers/sentencepiece/model.ts";
import { joinQuantized } from "../weights/quantize.ts";
import { parseSafetensorsHeader, safetensorsHeaderLength } from "../weights/safetensors.ts";
import { storageProblem } from "../weights/schemes.ts";
import type { StoredTensor } from "../weights/weights.ts";
import {
  beginsZlib,
  type Look,
  lookAtGzip,
  lookAtPacked,
  lookAtTorchZip,
  lookAtZip,
  type Nesting,
  outermost,
} from "./archives-node.ts";
import { type Content, type Finding, hints, largest, reading, unknown, unsafe, whole, worst } from "./findings.ts";
import { lookAtGguf } from "./gguf.ts";
import { lookAtJson, lookAtTemplate } from "./json.ts";
import { beginsPickle, lookAtNumpy, lookAtPickle, lookAtTorchPickles } from "./pickles-node.ts";
import { lookAtPicture, lookAtText } from "./plain-node.ts";

/** By the header's rules every byte of the file belongs to a tensor. */
function lookAtSafetensors({ name, size, read }: Content): Finding {
  let problem: Finding | undefined;
  const looked = reading(() => {
    const length = safetensorsHeaderLength(read(0, headBytes), size, name);
    const { tensors } = parseSafetensorsHeader(read(0, 8 + length), size, name);
    const empty = new Uint8Array(0);
    const stored = new Map(
      [...tensors].map(([tensor, { dtype, shape }]): [string, StoredTensor] => [tensor, { dtype, shape, data: empty }]),
    );
    // Scales may lie in another file of the model: what cannot be joined here is no damage.
    const joined = reading(() => joinQuantized(stored, name)).verdict === "safe" ? joinQuantized(stored, name) : stored;
    const found = storageProblem({}, joined);
    if (found) problem = unknown(found.hint, found.what);
  });
  return problem ?? looked;
}

const lookAtKeras = whole(4 * largest, (bytes) => {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("Lambda");
  return at >= 0
    ? unsafe(
        "load it with safe_mode=True, or not at all",
        `"Lambda" at byte ${at}: a Keras Lambda layer is Python code`,
      )
    : unknown(hints.other, "a Keras file: other layers may hold code too");
});

export type { Finding, Verdict } from "./findings.ts";

interface Kind {
  readonly kind: string;
  readonly matches: RegExp;
  look(content: Content, nesting: Nesting, look: Look): Finding;
}

const zipOr =
  (zip: typeof lookAtZip, other: (content: Content) => Finding): Kind["look"] =>
  (content, nesting, look) =>
    sniff(content.read(0, headBytes), content.size) === "zip" ? zip(content, nesting, look) : other(content);

const cannot = (what: string) => () => unknown(hints.archive, what);

/** By name; the first that matches. */
const kinds: readonly Kind[] = [
  { kind: "safetensors", matches: /\.safetensors$/i, look: lookAtSafetensors },
  { kind: "torch", matches: /\.(bin|pt|pth|ckpt|mdl)$/i, look: zipOr(lookAtTorchZip, lookAtTorchPickles) },
  { kind: "json", matches: /\.json$/i, look: lookAtJson },
  {
    kind: "sentencepiece",
    matches: /\.model$/i,
    look: whole(largest, (bytes, { name }) => reading(() => readSentencePieceModel(bytes, name))),
  },
  { kind: "gguf", matches: /\.gguf$/i, look: lookAtGguf },
  { kind: "onnx", matches: /\.onnx$/i, look: whole(4 * largest, (bytes) => reading(() => decodeOnnx(bytes))) },
  { kind: "pickle", matches: /\.(pkl|pickle|p|joblib|dill|dat|data)$/i, look: lookAtPickle },
  { kind: "numpy", matches: /\.npy$/i, look: lookAtNumpy },
  { kind: "keras", matches: /\.(h5|hdf5|keras)$/i, look: zipOr(lookAtZip, lookAtKeras) },
  {
    kind: "code",
    matches:
      /\.(py[cdowx]?|ipynb|so(\.\d+)*|dll|dylib|exe|com|msi|scr|app|sh|bash|zsh|fish|bat|cmd|ps1|vbs|lnk|desktop|js|mjs|cjs|ts|rb|pl|php|lua|r|jar|class|whl|egg|node|wasm|html?|svg)$/i,
    look: () => unsafe(hints.code, "is code; this program never runs it, others do when told to trust it"),
  },
  {
    kind: "archive",
    matches: /\.(zip|npz|7z|rar|tar|t?gz|t?bz2?|t?xz|zst|nemo|mar|iso|cab)$/i,
    look: zipOr(lookAtZip, cannot("an archive, which can hold anything")),
  },
  {
    kind: "template",
    matches: /\.(jinja2?|j2)$/i,
    look: (content) => worst([lookAtText(content), lookAtTemplate(content)]),
  },
  {
    kind: "text",
    matches: /(\.(md|txt|csv|tsv|jsonl)|^\.gitattributes|^\.gitignore|^LICEN[CS]E|^NOTICE)$/i,
    look: lookAtText,
  },
  { kind: "picture", matches: /\.(png|jpe?g|webp|gif)$/i, look: lookAtPicture },
];

/** The kind that a file's name promises; "other" where it promises none. */
export const kindNamed = (name: string): string =>
  kinds.find(({ matches }) => matches.test(name.slice(name.lastIndexOf("/") + 1)))?.kind ?? "other";

type Named = Omit<Kind, "matches">;

/** Mach-O, in both orders and for several processors at once. */
const machO = ["cffaedfe", "feedfacf", "cafebabe"];

/** What a file is by its first bytes, whatever it is called: programs, pickles of any protocol, archives. */
function sniffed(head: Uint8Array, size: number): Named | undefined {
  const text = Buffer.from(head.subarray(0, 4)).toString("latin1");
  const isMachO = machO.includes(Buffer.from(head.subarray(0, 4)).toString("hex"));
  if (text.startsWith("\u007fELF") || text.startsWith("MZ") || text.startsWith("#!") || isMachO) {
    return { kind: "code", look: () => unsafe(hints.code, "is a program, by its first bytes") };
  }
  if (beginsPickle(head)) return { kind: "pickle", look: lookAtPickle };
  const packed = sniff(head, size);
  if (packed === "zip") return { kind: "archive", look: lookAtZip };
  if (packed === "gzip") return { kind: "archive", look: lookAtGzip };
  return undefined;
}

/** Kinds whose readers say themselves when a file is something else than its name. */
const certain: ReadonlySet<string> = new Set([
  "safetensors",
  "torch",
  "json",
  "sentencepiece",
  "gguf",
  "onnx",
  "numpy",
  "code",
]);

/** A file that is not what its name says because it never came, or came packed: no harm, and nothing to be told. */
function mistaken(head: Uint8Array, size: number, named: Kind | undefined): Named | undefined {
  const kind = sniff(head, size);
  if (kind === undefined || named?.kind === "code") return undefined;
  const { what, hint } = mistakenFor[kind];
  const found = { kind: named?.kind ?? "other", look: () => unknown(hint, `is ${what}`) };
  if (kind === "lfs") return found;
  // A text may be empty, and speak of pages.
  if (kind === "empty" || kind === "html")
    return named?.kind === "text" || named?.kind === "template" ? undefined : found;
  if (kind === "zip" || kind === "gzip") return undefined;
  return { kind: "archive", look: () => unknown(hint, `is ${what}, which can hold anything`) };
}

/** Look at a content by its name, and by its first bytes where the name promises nothing or something else. */
function lookInto(content: Content, nesting: Nesting): Finding & { readonly kind: string } {
  const head = content.read(0, headBytes);
  const named = kinds.find(({ matches }) => matches.test(content.title));
  const packed = sniff(head, content.size);
  const byContent = sniffed(head, content.size);
  const isPacked = named?.kind === "pickle" && beginsZlib(head);
  const trusted =
    named && certain.has(named.kind) && !(packed === "gzip" || (packed === "zip" && named.kind !== "torch"));
  const found: Named | undefined =
    mistaken(head, content.size, named) ??
    (named?.kind === "code" ? named : undefined) ??
    (isPacked ? { kind: "pickle", look: lookAtPacked } : undefined) ??
    (trusted || (named?.kind === "keras" && packed === "zip") ? named : (byContent ?? named));
  if (found) return { kind: found.kind, ...found.look(content, nesting, lookInto) };
  return { kind: "other", ...unknown(hints.other, "is of a kind that this program does not read") };
}

/** Look at one file. */
export function lookAt(path: string, name: string): Finding & { readonly kind: string } {
  return withFile(path, (file, size) => {
    const read = (offset: number, length: number) =>
      readBytes(file, offset, Math.max(0, Math.min(length, size - offset)));
    return lookInto({ name, title: name, size, read }, outermost());
  });
}
