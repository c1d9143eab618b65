/**
 * How a folder of sentence-transformers makes one vector of a text: modules.json and the files it names, in the
 * spellings of all releases. Where the files come from, a disk or a server, is an argument.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { Pooling, VectorLayer } from "../../models/kinds/pooling.ts";
import type { Weights } from "../../weights/weights.ts";
import { defaultEmbedding, type EmbeddingConfig, type Similarity, similarities } from "./embed.ts";

/** The files of a folder by their names, with / between folders. */
export interface FolderFiles {
  /** For messages. */
  readonly where: string;
  /** Parsed; undefined where there is no such file. @throws corrupt_file */
  json(name: string): Promise<unknown>;
  /** The tensors of a folder in it; undefined where it has none. */
  weights(name: string): Promise<Weights | undefined>;
}

// What leads out of the folder is nobody's module.
const path = z.string().regex(/^(?!\/)(?!.*\.\.)[\w./-]*$/);
const modulesSchema = z.array(z.object({ path, type: z.string() })).max(64);

export type Modules = z.infer<typeof modulesSchema>;

/** Older and newer releases differ in all but the last part of the name. */
const kindOf = ({ type }: Modules[number]): string => type.split(".").at(-1)!;

/** The modules that a folder lists; undefined where it lists none. @throws corrupt_file; unsupported for remote code */
export async function readModules({ json, where }: Pick<FolderFiles, "json" | "where">): Promise<Modules | undefined> {
  const list = await json("modules.json");
  if (list === undefined) return undefined;
  const parsed = modulesSchema.safeParse(list);
  if (!parsed.success)
    fail("corrupt_file", "must list modules with their path and type", { where: `${where}/modules.json` });
  const foreign = parsed.data.find(({ type }) => !type.startsWith("sentence_transformers."));
  if (foreign) {
    fail("unsupported", `the module ${shown(foreign.type)} is code of its own, which is never run`, {
      where: `${where}/modules.json`,
      hint: "models whose modules are those of sentence-transformers open",
    });
  }
  return parsed.data;
}

/** The folder that holds the transformer, "" for the folder itself. */
export const transformerPath = (modules: Modules): string =>
  (modules.find((module) => kindOf(module) === "Transformer")?.path ?? "").replace(/\/+$/, "");

const booleans: readonly (readonly [string, Pooling])[] = [
  ["pooling_mode_cls_token", "cls"],
  ["pooling_mode_max_tokens", "max"],
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"],
  ["pooling_mode_weightedmean_tokens", "weightedmean"],
  ["pooling_mode_lasttoken", "last"],
];
const named: Readonly<Record<string, Pooling>> = {
  cls: "cls",
  max: "max",
  mean: "mean",
  mean_sqrt_len_tokens: "mean_sqrt_len",
  mean_sqrt_len: "mean_sqrt_len",
  weightedmean: "weightedmean",
  lasttoken: "last",
};

/** Both spellings of a pooling's configuration; several poolings are joined in their order. */
function poolingOf(json: JsonObject, where: string): Pooling[] {
  const given = json.pooling_mode;
  if (given !== undefined) {
    return [given].flat().map((mode) => {
      const known = typeof mode === "string" && Object.hasOwn(named, mode) ? named[mode] : undefined;
      return known ?? fail("unsupported", `pooling_mode ${shown(String(mode))} is not known`, { where });
    });
  }
  const on = booleans.filter(([key]) => json[key] === true).map(([, mode]) => mode);
  return on.length > 0 ? on : ["mean"];
}

type Dense = Extract<VectorLayer, { kind: "dense" }>;

const activationOf: Readonly<Record<string, Dense["activation"]>> = {
  "torch.nn.modules.activation.Tanh": "tanh",
  "torch.nn.modules.linear.Identity": "identity",
  "torch.nn.modules.activation.ReLU": "relu",
  "torch.nn.modules.activation.GELU": "gelu",
  "torch.nn.modules.activation.SiLU": "silu",
  "torch.nn.modules.activation.Sigmoid": "sigmoid",
};

const denseSchema = z.object({
  in_features: z
    .number()
    .int()
    .positive()
    .max(2 ** 24),
  out_features: z
    .number()
    .int()
    .positive()
    .max(2 ** 24),
  bias: z.boolean().default(true),
  activation_function: z.string().nullish(),
  module_input_name: z.string().nullish(),
  module_output_name: z.string().nullish(),
  use_residual: z.boolean().default(false),
});

function denseOf(json: JsonObject, weights: string, where: string): Dense {
  const parsed = denseSchema.safeParse(json);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    return fail("corrupt_file", `${at.join(".")}: ${message}`, { where });
  }
  const { out_features: out, bias, use_residual: residual, ...c } = parsed.data;
  for (const name of [c.module_input_name, c.module_output_name]) {
    if (name && name !== "sentence_embedding") fail("unsupported", `a dense layer over ${shown(name)}`, { where });
  }
  const name = c.activation_function ?? "torch.nn.modules.activation.Tanh";
  const activation = Object.hasOwn(activationOf, name) ? activationOf[name]! : undefined;
  return {
    kind: "dense",
    ...{ weights, out, bias, residual },
    activation: activation ?? fail("unsupported", `activation_function ${shown(name)} is not computed here`, { where }),
  };
}

const scopeOf = (folder: string): string => folder.replace(/\/+$/, "").replaceAll("/", ".");

/** Names and shapes of a layer's tensors over vectors of `width`. */
function tensorsOf(layer: Exclude<VectorLayer, { kind: "normalize" }>, width: number): [string, number[]][] {
  if (layer.kind === "norm") return ["norm.weight", "norm.bias"].map((name) => [name, [width]]);
  const { out, bias, residual } = layer;
  return [
    ["linear.weight", [out, width]],
    ...(bias ? [["linear.bias", [out]] as [string, number[]]] : []),
    ...(residual && out !== width ? [["residual.weight", [out, width]] as [string, number[]]] : []),
  ];
}

/** Names of the file of limits that older releases wrote, by what the transformer was. */
const limitFiles = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map(
  (name) => `sentence_${name}_config.json`,
);

async function objectOf(files: FolderFiles, name: string): Promise<JsonObject | undefined> {
  const json = await files.json(name);
  if (json === undefined) return undefined;
  return isJsonObject(json) ? json : fail("corrupt_file", "must be an object", { where: `${files.where}/${name}` });
}

const texts = z.record(z.string(), z.string());

async function promptsOf(files: FolderFiles, usual: Similarity = "cosine"): Promise<Partial<EmbeddingConfig>> {
  const name = "config_sentence_transformers.json";
  const json = (await objectOf(files, name)) ?? {};
  const where = `${files.where}/${name}`;
  const parsed = texts.safeParse(json.prompts ?? {});
  if (!parsed.success) fail("corrupt_file", "prompts must be texts by their names", { where });
  const asked = json.similarity_fn_name ?? usual;
  const similarity =
    typeof asked === "string" && Object.hasOwn(similarities, asked) ? (asked as Similarity) : undefined;
  return {
    prompts: parsed.data,
    ...(typeof json.default_prompt_name === "string" && { defaultPrompt: json.default_prompt_name }),
    similarity: similarity ?? fail("unsupported", `similarity_fn_name ${shown(String(asked))} is not known`, { where }),
  };
}

export interface ReadEmbeddingOptions {
  /** Of the last layer's output. */
  readonly width: number;
  /** What a folder without modules.json gets. */
  readonly pooling: Pooling;
  /** How vectors are compared where the folder does not say; default cosine. */
  readonly similarity?: Similarity | undefined;
  /** The pooling that is asked for whatever the folder says. */
  readonly asked?: Pooling | undefined;
  /** tokenizer_config.json, whose longest text counts where the folder has no other limit. */
  readonly tokenizerConfig?: JsonObject | undefined;
}

/**
 * The settings of a folder; of one without modules.json those that sentence-transformers would take.
 * @throws unsupported for a module or a setting that is not computed here; corrupt_file naming the entry or the tensor
 */
export async function readEmbedding(files: FolderFiles, options: ReadEmbeddingOptions): Promise<EmbeddingConfig> {
  const modules = await readModules(files);
  const prompts = await promptsOf(files, options.similarity);
  if (!modules) return { ...defaultEmbedding(options.width, options.asked ?? options.pooling), ...prompts };
  let pooling: Pooling[] | undefined;
  let { width } = options;
  let includePrompt = true;
  const layers: VectorLayer[] = [];
  const weights = new Map<string, NonNullable<ReturnType<Weights["get"]>>>();
  const config = async (folder: string): Promise<JsonObject> =>
    (await objectOf(files, `${folder}/config.json`)) ??
    fail("corrupt_file", "is missing, and modules.json names it", { where: `${files.where}/${folder}/config.json` });

  async function stack(layer: Exclude<VectorLayer, { kind: "normalize" }>, folder: string): Promise<void> {
    const where = `${files.where}/${folder}`;
    const stored = await files.weights(folder);
    for (const [name, shape] of tensorsOf(layer, width)) {
      const tensor = stored?.get(name) ?? fail("corrupt_file", `tensor "${name}" is missing`, { where });
      const [found, wanted] = [tensor.shape.join(", "), shape.join(", ")];
      if (found !== wanted) fail("corrupt_file", `tensor "${name}" is [${found}], it would be [${wanted}]`, { where });
      weights.set(`${layer.weights}.${name}`, tensor);
    }
    layers.push(layer);
    if (layer.kind === "dense") width = layer.out;
  }

  for (const module of modules) {
    const kind = kindOf(module);
    const folder = module.path.replace(/\/+$/, "");
    if (kind === "Transformer" || kind === "Dropout") continue;
    if (kind === "Normalize") layers.push({ kind: "normalize" });
    else if (kind === "Pooling") {
      if (pooling || layers.length > 0) fail("unsupported", "pooling behind other layers", { where: files.where });
      const json = await config(folder);
      pooling = options.asked ? [options.asked] : poolingOf(json, `${files.where}/${folder}/config.json`);
      includePrompt = json.include_prompt !== false;
      width *= pooling.length;
    } else if (kind === "Dense" && pooling) {
      await stack(denseOf(await config(folder), scopeOf(folder), `${files.where}/${folder}/config.json`), folder);
    } else if (kind === "LayerNorm" && pooling) {
      await stack({ kind: "norm", weights: scopeOf(folder) }, folder);
    } else {
      fail("unsupported", `the module ${shown(module.type)} is not computed here`, {
        where: `${files.where}/modules.json`,
        hint: "Transformer, then Pooling, then Dense, LayerNorm, Dropout and Normalize are",
      });
    }
  }
  const inside = transformerPath(modules);
  let limits: JsonObject = {};
  for (const name of limitFiles) {
    const found = await objectOf(files, inside ? `${inside}/${name}` : name);
    if (found) limits = found;
    if (found) break;
  }
  const most = limits.max_seq_length ?? options.tokenizerConfig?.model_max_length;
  return {
    ...defaultEmbedding(width),
    ...prompts,
    pooling: pooling ?? [options.asked ?? "mean"],
    ...{ layers, weights, includePrompt },
    lowerCase: limits.do_lower_case === true,
    // Python's files say 10^30 where there is no limit.
    ...(typeof most === "number" && most > 0 && most < 1e9 && { longest: most }),
    told: true,
  };
}
