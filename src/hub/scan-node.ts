/** Is a model folder safe? Every file is looked at by the reader that would read it; none of them runs anything. */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { fail, ZerothError } from "../errors.ts";
import { allowedRoots } from "./folder-node.ts";
import { jsonLimits, parseJsonObject } from "./json.ts";
import { openSafetensors, systemError } from "./safetensors-node.ts";
import { readSentencePieceModel } from "./sentencepiece-model.ts";
import { openTorch } from "./torch/torch-node.ts";

export type Verdict = "safe" | "unsafe" | "unknown";

export interface ScannedFile {
  readonly file: string;
  readonly kind: string;
  readonly verdict: Verdict;
  readonly findings: readonly string[];
}

type Finding = Pick<ScannedFile, "verdict" | "findings">;

const safe: Finding = { verdict: "safe", findings: [] };
const unsafe = (...findings: string[]): Finding => ({ verdict: "unsafe", findings });
const unknown = (...findings: string[]): Finding => ({ verdict: "unknown", findings });

const largestText = 64 << 20;

/** Read a file with its reader: a typed refusal is what there is to say about it. */
function reading(read: () => unknown): Finding {
  try {
    read();
    return safe;
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    return error.code === "unsupported" ? unknown(error.message) : unsafe(error.message);
  }
}

/** Keys by which a configuration asks for Python code of its folder to be run. */
function asksForCode(path: string): string[] {
  const json = parseJsonObject(readFileSync(path, "utf8"), basename(path), jsonLimits.tokenizer);
  return ["auto_map", "custom_pipelines"].filter((key) => Object.hasOwn(json, key));
}

interface Kind {
  readonly kind: string;
  readonly matches: RegExp;
  look(path: string): Finding;
}

const kinds: readonly Kind[] = [
  { kind: "safetensors", matches: /\.safetensors$/, look: (path) => reading(() => openSafetensors(path)) },
  { kind: "torch", matches: /\.(bin|pt|pth|ckpt)$/, look: (path) => reading(() => openTorch(path)) },
  {
    kind: "json",
    matches: /\.json$/,
    look(path) {
      if (statSync(path).size > jsonLimits.tokenizer) return unknown("too large to be read");
      let keys: string[] = [];
      const looked = reading(() => {
        keys = asksForCode(path);
      });
      return keys.length > 0 ? unsafe(`asks for the folder's own Python code to be run (${keys.join(", ")})`) : looked;
    },
  },
  {
    kind: "sentencepiece",
    matches: /\.model$/,
    look: (path) =>
      statSync(path).size > largestText
        ? unknown("too large to be read")
        : reading(() => readSentencePieceModel(new Uint8Array(readFileSync(path)), path)),
  },
  {
    kind: "code",
    matches: /\.(py|pyc|so|dll|dylib|exe|sh|bat|ps1|js|mjs|cjs|jar|whl|node|wasm)$/i,
    look: () => unsafe("is code; this program never runs it, others do when told to trust it"),
  },
  {
    kind: "pickle",
    matches: /\.(pkl|pickle|joblib|dill)$/,
    look: () => unsafe("is a pickle, which can hold any code"),
  },
  { kind: "text", matches: /(\.(md|txt|csv|jinja|gitattributes|gitignore)|^LICEN[CS]E|^NOTICE)$/i, look: () => safe },
];

/** Whether the first bytes are those of a program. */
function isProgram(path: string): boolean {
  const head = readFileSync(path).subarray(0, 4).toString("latin1");
  return head.startsWith("\u007fELF") || head.startsWith("MZ") || head.startsWith("#!");
}

function scanFile(folder: string, name: string): ScannedFile {
  const path = join(folder, name);
  const row = (kind: string, finding: Finding): ScannedFile => ({ file: name, kind, ...finding });
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return row("link", unsafe("is a link to nothing, or in a circle"));
  }
  if (lstatSync(path).isSymbolicLink() && !allowedRoots(folder).some((root) => real.startsWith(root + sep))) {
    return row("link", unsafe("is a link that leads out of the folder"));
  }
  if (!statSync(real).isFile()) return row("special", unsafe("is neither a file nor a folder"));
  const base = basename(name);
  const found = kinds.find(({ matches }) => matches.test(base));
  if (found) return row(found.kind, found.look(path));
  const { size } = statSync(real);
  if (size <= largestText && isProgram(real)) return row("code", unsafe("is a program"));
  return row("other", unknown("is of a kind that this program does not read"));
}

function* filesOf(folder: string, below = ""): Iterable<string> {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* filesOf(folder, name);
    else yield name;
  }
}

/**
 * What every file of a folder, or one file, is and whether it could do harm.
 * @throws not_found where there is nothing
 */
export function* scan(path: string): Iterable<ScannedFile> {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      fail("not_found", "no such file or folder", { where: path });
    throw systemError(cause, path);
  }
  if (!statSync(real).isDirectory()) {
    yield scanFile(dirname(real), basename(real));
    return;
  }
  for (const name of filesOf(real)) yield scanFile(real, name);
}
