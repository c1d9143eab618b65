/** Results on the disk, found by what they are of: an interrupted evaluation goes on, a repeated one only reads. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { Store } from "./scoring.ts";

/** Raised when the same model and prompt would give other numbers than before. */
const version = 1;

const hash = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 22);

/** What a model's numbers hang on: its files' names, sizes and times. */
function filesOf({ path, files, gguf }: ModelFolder): unknown {
  const counted = files.filter((name) =>
    /\.(safetensors|bin)$|^(config|tokenizer.*)\.json$|^spiece\.model$/.test(name),
  );
  const paths = gguf ? gguf.files.map((file) => [file, file]) : counted.map((name) => [name, join(path, name)]);
  return [
    path,
    paths.map(([name, file]) => {
      const { size, mtimeMs } = statSync(file!);
      return [name, size, mtimeMs];
    }),
  ];
}

export interface StoreOptions {
  /** A folder for all evaluations. */
  readonly home: string;
  readonly folder: ModelFolder;
  /** Whatever else changes the numbers: precision, whether prompts get the end token, the window. */
  readonly settings: unknown;
  /** Task and template: what is read together lies together. */
  readonly group: string;
}

/**
 * A store of one template's results. Its folder is named by model, settings and program version; the results in it by
 * the rendered prompt and choices, so that a changed template or row asks anew and an unchanged one never. Blocks are
 * whole files under names made of their contents; one that cannot be read counts as not there.
 */
export function diskStore({ home, folder, settings, group }: StoreOptions): Store {
  const setup = hash(JSON.stringify([version, filesOf(folder), settings]));
  const place = join(home, "evaluations", setup, hash(group));
  const held = new Map<string, unknown>();
  let fresh: (readonly [string, object])[] = [];
  let names: string[] = [];
  try {
    names = readdirSync(place).filter((name) => /^[\w-]{22}\.jsonl$/.test(name));
  } catch {
    // Nothing has been kept yet.
  }
  for (const name of names) {
    const content = readFileSync(join(place, name), "utf8");
    if (`${hash(content)}.jsonl` !== name) continue;
    for (const line of content.split("\n")) {
      if (line === "") continue;
      const [key, value] = JSON.parse(line) as [string, object];
      held.set(key, value);
    }
  }
  return {
    get: (key) => held.get(hash(key)),
    put(key, value) {
      const short = hash(key);
      held.set(short, value);
      fresh.push([short, value]);
    },
    async flush() {
      if (fresh.length === 0) return;
      const content = `${fresh.map((entry) => JSON.stringify(entry)).join("\n")}\n`;
      fresh = [];
      await writeFileSafely(join(place, `${hash(content)}.jsonl`), content);
    },
  };
}
