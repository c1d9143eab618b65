/** `zeroth inspect`: what a model folder holds and what it would take to run. */
import { readFileSync, statSync } from "node:fs";
import type { JsonObject } from "../../base/json.ts";
import { ZerothError } from "../../errors.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import { isGguf, isQuantized, type StoredTensor, type Weights } from "../../weights/weights.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { bytes, type Output } from "../output.ts";

/** The licence a model card names in its front matter. */
function licence(card: string | undefined): string | undefined {
  const stat = card === undefined ? undefined : statSync(card, { throwIfNoEntry: false });
  // Opening a pipe would wait for a writer.
  if (card === undefined || !stat?.isFile() || stat.size > 16 << 20) return undefined;
  const [, front] = readFileSync(card, "utf8").split(/^---\r?$/m, 2);
  return /^licen[cs]e: *(\S+)/m.exec(front ?? "")?.[1];
}

/** Tokens there are; of a model of images and texts, of its texts. */
function vocabularyOf({ vocab_size: own, text_config: text }: JsonObject): number {
  return Number(own ?? (text as JsonObject | null | undefined)?.vocab_size ?? 0);
}

/** What a tensor is stored as. */
const typeOf = (stored: StoredTensor): string =>
  isGguf(stored) ? stored.gguf : isQuantized(stored) ? stored.format : stored.dtype;

function precision(weights: Weights): string {
  const counts = new Map<string, number>();
  for (const stored of weights.values()) {
    const type = typeOf(stored);
    counts.set(type, (counts.get(type) ?? 0) + stored.shape.reduce((a, b) => a * b, 1));
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "none";
}

/** What the tensors of each kind, those of all layers together, are stored as. */
function typesByKind(weights: Weights): Record<string, string> {
  const kinds = new Map<string, Map<string, number>>();
  for (const [name, stored] of weights) {
    const kind = name.replace(/\.\d+\./g, ".*.");
    const types = kinds.get(kind) ?? kinds.set(kind, new Map()).get(kind)!;
    types.set(typeOf(stored), (types.get(typeOf(stored)) ?? 0) + 1);
  }
  const words = (types: Map<string, number>) =>
    [...types].map(([type, n]) => (n > 1 ? `${type} × ${n}` : type)).join(", ");
  return Object.fromEntries([...kinds].map(([kind, types]) => [kind, words(types)]));
}

/** What a GGUF file tells beside what every folder does. */
const ggufRow = ({ weights, gguf }: ModelFolder) =>
  gguf && {
    format: "gguf",
    name: gguf.title,
    tokenizer: gguf.tokenizerKind,
    ...(gguf.context !== undefined && { context: gguf.context }),
    chatTemplate: gguf.chatTemplate !== undefined,
    types: typesByKind(weights),
    ...(gguf.warnings.length > 0 && { warnings: gguf.warnings }),
  };

/**
 * What the model does, for people. A folder that lacks what its model needs is an error; one that holds something else
 * is told of all the same.
 */
async function kindOf(folder: ModelFolder, output: Output) {
  const { kindWords, readModel } = await import("../../models/families.ts");
  try {
    const { kind, warnings = [] } = readModel(folder.config, folder.weights, folder.path, folder).architecture;
    for (const warning of warnings) output.say(`warning: ${warning}`);
    return { kind, words: kindWords[kind] };
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "unsupported") throw error;
    output.say(`does not run here: ${error.message}`);
    return undefined;
  }
}

export default defineCommand({
  group: "models",
  summary: "What a model folder or GGUF file holds",
  arguments: "[model]",
  names: modelNames,
  options: [{ flags: "--tensors", help: "list every tensor" }],
  rows: '`{"architecture","kind"?,"parameters","dtype","vocabulary","files","memory","licence"?}`, of a GGUF file also `{"format","name","tokenizer","context"?,"chatTemplate","types","warnings"?}`',
  example: "zeroth inspect zeroth-nano",
  async run({ args: names, flags, output, signal }) {
    const { fileSha256 } = await import("../../base/files-node.ts");
    const { openModelFolder } = await import("../../folders/open-node.ts");
    const { countOf } = await import("../../graph/array.ts");
    const { locate } = await import("../../hub/locate-node.ts");
    const { modelFor } = await import("../downloads.ts");
    const folder = openModelFolder((await modelFor(names[0] ?? "zeroth-nano", output, signal)).path);
    const does = await kindOf(folder, output);
    const parameters = countOf([...folder.weights.values()]);
    const files = [];
    const paths: (readonly [name: string, path: string])[] = folder.gguf
      ? folder.gguf.files.map((path, i) => [folder.gguf!.names[i]!, path])
      : folder.files.map((name) => [name, locate(folder.path, name) ?? ""]);
    for (const [name, path] of paths) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isFile()) files.push({ name, bytes: stat.size, sha256: await fileSha256(path) });
    }
    const more = ggufRow(folder);
    const found = folder.gguf ? folder.gguf.licence : licence(locate(folder.path, "README.md"));
    const architectures = folder.config.architectures as unknown;
    const row = {
      architecture: Array.isArray(architectures)
        ? String(architectures[0])
        : String(folder.config.model_type ?? "unknown"),
      ...(does && { kind: does.kind }),
      parameters,
      dtype: precision(folder.weights),
      vocabulary: vocabularyOf(folder.config),
      files,
      // Weights alone; int4 with a scale for every block of 32.
      memory: { fp32: parameters * 4, bf16: parameters * 2, int8: parameters, int4: Math.ceil(parameters * 0.625) },
      ...(found ? { licence: found } : {}),
      ...more,
    };
    output.row(row);
    const lines: [string, string][] = [
      ["architecture", row.architecture],
      ...(does ? [["kind", does.words] as [string, string]] : []),
      ["parameters", parameters.toLocaleString("en")],
      ["stored as", row.dtype],
      ...(row.vocabulary > 0 ? [["vocabulary", row.vocabulary.toLocaleString("en")] as [string, string]] : []),
      [
        "memory",
        Object.entries(row.memory)
          .map(([type, n]) => `${type} ${bytes(n)}`)
          .join(", "),
      ],
      ...(found ? ([["licence", found]] as [string, string][]) : []),
      ...(more
        ? ([
            ["name", more.name],
            ["tokenizer", more.tokenizer],
            ...(more.context === undefined ? [] : [["context", `${more.context.toLocaleString("en")} tokens`]]),
            ["chat template", more.chatTemplate ? "yes" : "none"],
            ...Object.entries(more.types).map(([kind, types]) => ["tensors", `${kind}  ${types}`]),
            ...(more.warnings ?? []).map((warning) => ["warning", warning]),
          ] as [string, string][])
        : []),
      [folder.gguf ? "model" : "folder", folder.path],
      ...files.map((file): [string, string] => [
        "file",
        `${file.name}  ${bytes(file.bytes)}  sha256 ${file.sha256.slice(0, 12)}…`,
      ]),
    ];
    output.text(lines.map(([key, value]) => `${output.dim(key.padEnd(13))} ${value}\n`).join(""));
    if (flags.tensors) {
      for (const [name, stored] of folder.weights) {
        const { shape } = stored;
        const dtype = isGguf(stored) ? stored.gguf : stored.dtype;
        output.row({ tensor: name, dtype, shape });
        output.text(`${name}  ${dtype}[${shape.join(", ")}]\n`);
      }
    }
    return 0;
  },
});
