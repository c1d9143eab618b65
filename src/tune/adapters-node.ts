/** Adapters looked at, written in another form, and merged into the model they were made over. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { shown } from "../base/json.ts";
import { readWholeFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { companions, readCompanion } from "../folders/companions-node.ts";
import { configText } from "../folders/config-text-node.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { findModel } from "../hub/find-node.ts";
import type { Adapter } from "../models/adapters/adapter.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import { beyondPeft } from "../models/adapters/peft.ts";
import { names } from "../models/adapters/settings.ts";
import { compile } from "../runtime/compile-node.ts";
import { fingerprintOf, readAdapted, readAdapterFiles, writeAdapter } from "../text/adapters/files-node.ts";
import { mergedWeights } from "../text/adapters/merge-node.ts";
import { type ReadBase, readBase } from "../text/adapters/read.ts";
import { toFloat32 } from "../weights/convert.ts";
import { encodeNpy, parseNpy } from "../weights/npy.ts";
import { readStored, type Writable, writeCheckpoint } from "../weights/safetensors-node.ts";
import { openTorch } from "../weights/torch/torch-node.ts";
import { isGguf, isQuantized } from "../weights/weights.ts";

export interface AdapterAbout {
  readonly method: string;
  readonly peft_type: string | null;
  readonly head: string | null;
  readonly labels: readonly string[] | null;
  readonly parameters: number;
  readonly base: string | null;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly warnings: readonly string[];
}

/**
 * What an adapter's folder holds; over its model, also whether it fits.
 * @param strict a model other than the one that it was made over is an error, not a warning
 */
export function inspectAdapter(path: string, model?: string, { strict = false } = {}): AdapterAbout {
  const files = readAdapterFiles(path);
  const put = model === undefined ? undefined : readAdapted(openModelFolder(findModel(model).path), files, { strict });
  const { peft, sidecar, tensors } = files;
  const methods = { PREFIX_TUNING: "prefix", PROMPT_TUNING: "prompt", P_TUNING: "prompt", LORA: "lora" } as const;
  return {
    method: sidecar?.settings?.method ?? (peft ? methods[peft.peft_type] : "none"),
    peft_type: peft?.peft_type ?? null,
    head: put?.adapter.head ?? sidecar?.head ?? null,
    labels: put?.adapter.labels ?? sidecar?.labels ?? null,
    parameters: [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0),
    base: sidecar?.base?.name ?? peft?.base_model_name_or_path ?? null,
    tensors: [...tensors].map(([name, { shape }]) => ({ name, shape })),
    warnings: put?.warnings ?? files.warnings,
  };
}

/** What another program's file of a prefix or prompt becomes. */
interface Foreign {
  readonly adapter: Adapter;
  readonly base: ReadBase;
  readonly warnings?: readonly string[] | undefined;
}

/** Z = tanh(E W₁ᵀ + b₁) W₂ᵀ + b₂. */
async function projected(parts: Readonly<Record<"e" | "w1" | "b1" | "w2" | "b2", NdArray>>): Promise<NdArray> {
  const at = (name: keyof typeof parts) => input(name, "float32", parts[name].shape);
  const inner = o.tanh(o.add(o.matmul(at("e"), at("w1"), { transB: true }), at("b1")));
  await using program = await compile(graph({ z: o.add(o.matmul(inner, at("w2"), { transB: true }), at("b2")) }));
  return (await program.run(parts)).z!;
}

/** A checkpoint of P-tuning v2's scripts: its prefix encoder and head beside a backbone that is left alone. */
async function fromPTuning(
  file: string,
  model: string,
  head: TaskHead,
  labels: readonly string[] | undefined,
): Promise<Foreign> {
  const stored = openTorch(file);
  const tensor = (name: string): NdArray | undefined => {
    const found = stored.get(name);
    return found && toFloat32(readStored(found));
  };
  const need = (name: string) =>
    tensor(name) ?? fail("corrupt_file", `there is no tensor ${shown(name)}`, { where: file });
  const first = need("prefix_encoder.embedding.weight");
  const matrix = stored.has("prefix_encoder.trans.0.weight")
    ? await projected({
        e: first,
        w1: need("prefix_encoder.trans.0.weight"),
        b1: need("prefix_encoder.trans.0.bias"),
        w2: need("prefix_encoder.trans.2.weight"),
        b2: need("prefix_encoder.trans.2.bias"),
      })
    : first;
  const classes = tensor("classifier.weight")?.shape[0];
  const base = readBase(
    openModelFolder(findModel(model).path),
    head,
    head === "sequence" || head === "tokens"
      ? (labels ?? Array.from({ length: classes ?? 0 }, (_, i) => `LABEL_${i}`))
      : undefined,
  );
  const values = new Map<string, NdArray>([[names.matrix("encoder"), matrix]]);
  for (const { name, shape } of base.head) {
    if (base.weights.has(name) && !name.startsWith("classifier") && !name.startsWith("qa_outputs")) continue;
    // RoBERTa's own head has a layer before the last one: P-tuning v2 has the pooler there, which does the same.
    const pooler = [...stored.keys()].find((key) => key.endsWith(name.replace("classifier.dense", "pooler.dense")));
    const found =
      tensor(name) ?? tensor(name.replace(".out_proj", "")) ?? (pooler === undefined ? undefined : tensor(pooler));
    if (found?.shape.join() !== shape.join()) {
      fail("corrupt_file", `there is no tensor ${shown(name)} of [${shape.join(", ")}] for the head`, { where: file });
    }
    values.set(name, found);
  }
  const { layers, kvHeads, headWidth } = base.survey.attentions.encoder!;
  const columns = 2 * layers * kvHeads * headWidth;
  if (matrix.shape[1] !== columns) {
    fail("bad_input", `its prefix is [${matrix.shape.join(", ")}], of this model it would have ${columns} columns`, {
      where: file,
      hint: "the prefix was made for another model",
    });
  }
  const settings = { method: "prefix", length: matrix.shape[0]!, sites: ["encoder"], counted: true } as const;
  return { base, adapter: { settings, values, head, labels } };
}

/** A prompt as Lester et al. published them: one matrix [length, width]. */
function fromNpy(file: string, model: string): Foreign {
  const matrix = parseNpy(readWholeFile(file, 2 ** 30), file);
  const base = readBase(openModelFolder(findModel(model).path));
  if (matrix.shape.length !== 2 || matrix.shape[1] !== base.survey.width) {
    fail(
      "bad_input",
      `its prompt is [${matrix.shape.join(", ")}], of this model it would be [length, ${base.survey.width}]`,
      {
        where: file,
        hint: "the prompt was trained for another model",
      },
    );
  }
  const adapter: Adapter = {
    settings: { method: "prompt", length: matrix.shape[0]! },
    values: new Map([[names.matrix("prompt"), matrix]]),
  };
  return { base, adapter };
}

export interface ConvertOptions {
  readonly model: string;
  readonly out: string;
  /** Of P-tuning v2's checkpoints, which do not say it. */
  readonly head?: TaskHead | undefined;
  readonly labels?: readonly string[] | undefined;
  /** A model other than the one that the adapter was made over is an error. */
  readonly strict?: boolean | undefined;
}

/**
 * An adapter in another form: PEFT's folders, ours, a `.npy` of a prompt, or a `.bin` of P-tuning v2's scripts in; a folder
 * as PEFT's where PEFT can hold it out, or a `.npy`.
 * @returns names of the files written, why it is none of PEFT's where it is not, and warnings for people
 */
export async function convertAdapter(path: string, { model, out, head, labels, strict = false }: ConvertOptions) {
  const folder = openModelFolder(findModel(model).path);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const inside = !isFile && statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path) : [];
  const torch =
    isFile && path.endsWith(".bin")
      ? path
      : inside.includes("pytorch_model.bin")
        ? join(path, "pytorch_model.bin")
        : undefined;
  const read: Foreign = path.endsWith(".npy")
    ? fromNpy(path, model)
    : torch
      ? await fromPTuning(torch, model, head ?? "sequence", labels)
      : (() => {
          const put = readAdapted(folder, readAdapterFiles(path), { strict });
          return { base: put, adapter: put.adapter, warnings: put.warnings };
        })();
  const { base, adapter, warnings = [] } = read;
  if (out.endsWith(".npy")) {
    const matrix =
      adapter.values.get(names.matrix("prompt")) ?? fail("unsupported", "a .npy file holds a prompt alone");
    await writeFileSafely(out, encodeNpy(matrix));
    return { files: [out], beyond: undefined, warnings };
  }
  const files = await writeAdapter(out, adapter, base, { baseName: model, fingerprint: fingerprintOf(folder) });
  return { files: files.map((name) => join(out, name)), beyond: beyondPeft(adapter, base.architecture), warnings };
}

/**
 * LoRA added to the weights it was learnt beside: a model's folder that needs no adapter.
 * @throws unsupported for other adapters, which no weights can hold, and for weights that are whole numbers
 */
export async function mergeAdapter(
  path: string,
  model: string,
  out: string,
  { strict = false } = {},
): Promise<string[]> {
  const folder = openModelFolder(findModel(model).path);
  const { adapter, weights, config } = readAdapted(folder, readAdapterFiles(path), { strict });
  const { settings, values, head } = adapter;
  if (settings.method !== "lora") {
    return fail("unsupported", `a ${settings.method} cannot be merged: it is no change of weights`, {
      where: path,
      hint: "LoRA can; others stay adapters",
    });
  }
  const merged = await mergedWeights(settings, values, weights, folder.path);
  const tensors: [string, Writable][] = [];
  for (const [name, stored] of weights) {
    if (/\.lora_[AB]\.weight$/.test(name)) continue;
    const changed = merged.get(name);
    if (changed) tensors.push([name, changed]);
    else if (isQuantized(stored) || isGguf(stored))
      fail("unsupported", "the base model is quantised", { where: folder.path });
    else
      tensors.push([
        name,
        "data" in stored ? float32(stored.shape, toFloat32(readStored(stored)).data as Float32Array) : stored,
      ]);
  }
  const written = await writeCheckpoint(out, tensors);
  for (const file of companions(folder, ["tokenizer", "generation", "pooling", "notes"])) {
    await writeFileSafely(join(out, file[0]), readCompanion(file));
    written.push(file[0]);
  }
  await writeFileSafely(
    join(out, "config.json"),
    head ? `${JSON.stringify(config, null, 2)}\n` : configText(folder.path, config),
  );
  return [...written, "config.json"].map((name) => join(out, name));
}
