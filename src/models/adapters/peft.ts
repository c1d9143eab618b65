/** PEFT's adapter folders to adapters of this project and back: the same numbers under other names. */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import type { Architecture } from "../family.ts";
import type { CacheShape } from "../kinds/cache.ts";
import type { Adapter } from "./adapter.ts";
import type { TaskHead } from "./heads.ts";
import { type PeftConfig, type PeftLora, type PeftPrefix, taskTypes } from "./peft-config.ts";
import { loraSettings, usualOf } from "./peft-targets.ts";
import { type AdapterSettings, names } from "./settings.ts";
import type { Survey } from "./survey.ts";

/** What an adapter is read for. */
export interface Base {
  readonly architecture: Architecture;
  readonly survey: Survey;
  /** Parameters of the head that the adapter may bring, by their names in the network. */
  readonly head: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

interface Files {
  readonly config: string;
  readonly tensors: string;
}

type Tensors = ReadonlyMap<string, NdArray>;

const beginOf = (config: PeftConfig) => (config.peft_type === "LORA" ? "base_model.model." : "base_model.");

/** The rows of the head's last matrix: its classes. */
export function classesIn(config: PeftConfig, tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>) {
  const begin = beginOf(config);
  const ends = ["classifier.weight", "classifier.out_proj.weight", "score.weight", "qa_outputs.weight"];
  return ends.map((end) => tensors.get(begin + end)?.shape[0]).find((rows) => rows !== undefined);
}

export const headOf = (config: PeftConfig): TaskHead | undefined =>
  config.task_type == null ? undefined : taskTypes[config.task_type];

function needSizes(config: Exclude<PeftConfig, PeftLora>, { kvHeads, headWidth, layers }: CacheShape, file: string) {
  const own = {
    token_dim: kvHeads * headWidth,
    num_attention_heads: kvHeads,
    num_layers: layers,
  };
  for (const [key, expected] of Object.entries(own)) {
    const given = config[key as keyof typeof own];
    if (given == null || given === expected) continue;
    fail("bad_input", `${key} is ${given}, of the base model it is ${expected}`, {
      where: file,
      hint: "the adapter was made for another model",
    });
  }
}

function matrixOf(tensors: Tensors, rows: number, columns: number, file: string): NdArray {
  const found = tensors.get("prompt_embeddings");
  if (!found) {
    const there = [...tensors.keys()].slice(0, 5).map(shown).join(", ");
    return fail("corrupt_file", 'there is no tensor "prompt_embeddings"', {
      where: file,
      hint: `there is ${there || "none"}`,
    });
  }
  if (found.shape.join() === [rows, columns].join()) return found;
  return fail("corrupt_file", `prompt_embeddings is [${found.shape.join(", ")}], expected [${rows}, ${columns}]`, {
    where: file,
    hint: "num_virtual_tokens, the base model's sizes and the tensor do not fit each other",
  });
}

function prefixOf(config: PeftPrefix, tensors: Tensors, { architecture, survey }: Base, files: Files) {
  const { kind } = architecture;
  const site = kind === "encoder" ? "encoder" : "decoder";
  const shape = survey.attentions[site]!;
  if (kind === "encoder-decoder") {
    if ((config.num_transformer_submodules ?? 2) !== 2) {
      fail("unsupported", "num_transformer_submodules is 1: PEFT computes wrong numbers for such a prefix", {
        where: files.config,
        hint: "prefixes of encoder-decoders have 2",
      });
    }
    const encoder = survey.attentions.encoder!;
    if (encoder.layers !== shape.layers) {
      fail("unsupported", `PEFT's prefixes for ${encoder.layers} encoder and ${shape.layers} decoder layers`, {
        where: files.config,
      });
    }
  }
  needSizes(config, shape, files.config);
  const columns = 2 * shape.layers * shape.kvHeads * shape.headWidth;
  const matrix = matrixOf(tensors, config.num_virtual_tokens, columns, files.tensors);
  const settings: AdapterSettings = {
    method: "prefix",
    length: config.num_virtual_tokens,
    sites: [site],
    counted: true,
    ...(kind === "encoder-decoder" && { tied: true }),
  };
  return { settings, values: [[names.matrix(site), matrix]] as const };
}

function promptOf(config: Exclude<PeftConfig, PeftLora>, tensors: Tensors, { survey }: Base, files: Files) {
  const { num_virtual_tokens: length, token_dim: given } = config;
  if (given != null && given !== survey.width) {
    fail("bad_input", `token_dim is ${given}, of the base model it is ${survey.width}`, {
      where: files.config,
      hint: "the adapter was made for another model",
    });
  }
  // Of an encoder-decoder there are as many rows again, which nothing reads.
  const submodules = config.num_transformer_submodules ?? 1;
  const whole = matrixOf(tensors, length * submodules, survey.width, files.tensors);
  const used = float32([length, survey.width], (whole.data as Float32Array).slice(0, length * survey.width));
  return { settings: { method: "prompt", length } as const, values: [[names.matrix("prompt"), used]] as const };
}

function loraOf(config: PeftLora, tensors: Tensors, { architecture, survey }: Base, files: Files) {
  const { products } = survey;
  const { prefixes = [] } = architecture.names;
  const pathOf = (name: string): string | undefined =>
    ["", ...prefixes].map((prefix) => prefix + name).find((path) => products.has(path));
  const layers = config.layers_to_transform;
  const settings = loraSettings(
    {
      targets: config.target_modules ?? usualOf(products),
      excluded: config.exclude_modules ?? undefined,
      layers: layers == null ? undefined : [layers].flat(),
      rank: config.r,
      alpha: config.lora_alpha,
      root: config.use_rslora ?? false,
      ranks: config.rank_pattern ?? undefined,
      alphas: config.alpha_pattern ?? undefined,
    },
    products,
    files.config,
  );
  const values: [string, NdArray][] = [];
  for (const [name, array] of tensors) {
    const [, written, factor] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    if (written === undefined) {
      if (/\.lora_(embedding_|magnitude)/.test(name)) {
        fail("unsupported", `tensor ${shown(name)}: LoRA of embeddings and DoRA are not done here`, {
          where: files.tensors,
        });
      }
      continue;
    }
    const path = pathOf(written);
    const found = path === undefined ? undefined : settings.products.get(path);
    if (path === undefined || !found) {
      fail("bad_input", `tensor ${shown(name)} is beside a product that the base model does not have`, {
        where: files.tensors,
        hint: "the adapter was made for another model",
      });
    }
    const product = products.get(path)!;
    const expected = factor === "A" ? [found.rank, product.in] : [product.out, found.rank];
    if (array.shape.join() !== expected.join()) {
      const what = `tensor ${shown(name)} is [${array.shape.join(", ")}], expected [${expected.join(", ")}]`;
      const ranks = array.shape.length === 2 && array.shape[factor === "A" ? 0 : 1] === found.rank;
      if (ranks) fail("bad_input", what, { where: files.tensors, hint: "the adapter was made for another model" });
      fail("corrupt_file", what, {
        where: files.tensors,
        hint: "r, rank_pattern, the base model's sizes and the tensor do not fit each other",
      });
    }
    values.push([names.lora(path)[factor === "A" ? 0 : 1], array]);
  }
  const there = new Set(values.map(([name]) => name));
  for (const path of settings.products.keys()) {
    const lacks = names.lora(path).find((name) => !there.has(name));
    if (lacks)
      fail("corrupt_file", `there is no tensor ${shown(`base_model.model.${lacks}`)}`, { where: files.tensors });
  }
  return { settings, values };
}

/**
 * The adapter that a folder of PEFT's holds.
 * @throws bad_input where it is for another model, naming both sizes; corrupt_file naming the tensor
 */
export function fromPeft(config: PeftConfig, tensors: Tensors, base: Base, files: Files): Adapter {
  const { settings, values } =
    config.peft_type === "PREFIX_TUNING"
      ? prefixOf(config, tensors, base, files)
      : config.peft_type === "LORA"
        ? loraOf(config, tensors, base, files)
        : promptOf(config, tensors, base, files);
  const begin = beginOf(config);
  const head = base.head.flatMap(({ name, shape }): [string, NdArray][] => {
    const array = tensors.get(begin + name);
    if (!array) return [];
    if (array.shape.join() === shape.join()) return [[name, array]];
    return fail(
      "corrupt_file",
      `tensor ${shown(begin + name)} is [${array.shape.join(", ")}], expected [${shape.join(", ")}]`,
      {
        where: files.tensors,
      },
    );
  });
  const known = new Set([...base.head.map(({ name }) => begin + name), "prompt_embeddings"]);
  const other = [...tensors.keys()].find((name) => !known.has(name) && !/\.lora_[AB]\.weight$/.test(name));
  if (other !== undefined) {
    fail("bad_input", `tensor ${shown(other)} belongs to no part of the base model that an adapter brings`, {
      where: files.tensors,
      hint: "the adapter was made for another model, or its modules_to_save are more than a head",
    });
  }
  return { settings, values: new Map([...values, ...head]), head: headOf(config) };
}

/** adapter_config.json and adapter_model.safetensors of an adapter. */
export interface PeftFiles {
  readonly config: JsonObject;
  readonly tensors: ReadonlyMap<string, NdArray>;
}

const taskOf = ({ kind }: Architecture, head: TaskHead | undefined): string =>
  head
    ? Object.keys(taskTypes).find((name) => taskTypes[name] === head)!
    : kind === "encoder-decoder"
      ? "SEQ_2_SEQ_LM"
      : kind === "decoder"
        ? "CAUSAL_LM"
        : "FEATURE_EXTRACTION";

/** Why PEFT cannot hold an adapter; undefined where it can. */
export function beyondPeft({ settings, head }: Adapter, { kind }: Pick<Architecture, "kind">): string | undefined {
  if (head === "choice") return "PEFT has no task of several choices";
  switch (settings.method) {
    case "prefix":
      if (settings.projection) return "PEFT saves no projection";
      if (kind === "encoder-decoder" && !(settings.tied && settings.counted)) {
        return "PEFT gives encoder-decoders prefixes in the decoder alone, shared by two layers each and counted as positions";
      }
      return settings.counted ? undefined : "PEFT counts positions on behind a prefix";
    case "prompt":
    case "lora":
      return undefined;
    default:
      return "PEFT has no adapters that are a head alone or a whole model";
  }
}

/** A number's pattern for the products that have another than most. */
function patternOf(products: readonly [string, number][]): { most: number; others: Record<string, number> } {
  const counts = new Map<number, number>();
  for (const [, value] of products) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1])[0]![0];
  return { most, others: Object.fromEntries(products.filter(([, value]) => value !== most)) };
}

/**
 * An adapter as PEFT saves it; `baseName` is what `base_model_name_or_path` says.
 * @throws unsupported where PEFT cannot hold it, saying why
 */
export function toPeft(adapter: Adapter, { architecture, survey }: Base, baseName: string | null): PeftFiles {
  const why = beyondPeft(adapter, architecture);
  if (why) fail("unsupported", `${why}: this adapter cannot be written as one of PEFT's`);
  const { settings, values, head } = adapter;
  const common = {
    auto_mapping: null,
    base_model_name_or_path: baseName,
    inference_mode: true,
    peft_version: "0.21.0",
    revision: null,
    task_type: taskOf(architecture, head),
  };
  const beside = new Set<string>();
  const tensors = new Map<string, NdArray>();
  const put = (name: string, own: string) => {
    beside.add(own);
    tensors.set(name, values.get(own) ?? fail("internal", `an adapter without "${own}"`));
  };
  let config: JsonObject;
  if (settings.method === "lora") {
    const paths = [...settings.products];
    const ranks = patternOf(paths.map(([path, { rank }]) => [path, rank]));
    const alphas = patternOf(paths.map(([path, { rank, scale }]) => [path, rank * scale]));
    for (const [path] of paths) for (const own of names.lora(path)) put(`base_model.model.${own}`, own);
    config = {
      ...common,
      peft_type: "LORA",
      r: ranks.most,
      lora_alpha: alphas.most,
      lora_dropout: 0,
      rank_pattern: ranks.others,
      alpha_pattern: alphas.others,
      target_modules: paths.map(([path]) => path).sort(),
      bias: "none",
      fan_in_fan_out: architecture.type === "gpt2",
      use_rslora: false,
      use_dora: false,
      init_lora_weights: true,
    };
  } else {
    const { length } = settings as { length: number };
    const site = architecture.kind === "encoder" ? "encoder" : "decoder";
    const shape = survey.attentions[site]!;
    const [width, layers] = [shape.kvHeads * shape.headWidth, shape.layers];
    const isPrefix = settings.method === "prefix";
    put("prompt_embeddings", names.matrix(isPrefix ? site : "prompt"));
    const submodules = isPrefix && architecture.kind === "encoder-decoder" ? 2 : 1;
    config = {
      ...common,
      num_virtual_tokens: length,
      token_dim: isPrefix ? width : survey.width,
      num_attention_heads: shape.kvHeads,
      num_layers: layers,
      num_transformer_submodules: submodules,
      ...(isPrefix
        ? { peft_type: "PREFIX_TUNING", encoder_hidden_size: width, prefix_projection: false, init_weights: null }
        : {
            peft_type: "PROMPT_TUNING",
            prompt_tuning_init: "RANDOM",
            prompt_tuning_init_text: null,
            tokenizer_name_or_path: null,
          }),
    };
  }
  const begin = settings.method === "lora" ? "base_model.model." : "base_model.";
  const modules = new Set<string>();
  for (const own of values.keys()) {
    if (beside.has(own)) continue;
    put(begin + own, own);
    modules.add(own.split(".")[0]!);
  }
  const whole: JsonObject = { ...config, modules_to_save: modules.size > 0 ? [...modules].sort() : null };
  return {
    config: Object.fromEntries(Object.entries(whole).sort(([a], [b]) => (a < b ? -1 : 1))) as JsonObject,
    tensors,
  };
}
