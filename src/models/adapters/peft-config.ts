/**
 * adapter_config.json as PEFT 0.21 writes it. On reading only `peft_type` (and `num_virtual_tokens`) must be there;
 * sizes that lack follow from the base model, those that are there must fit it.
 */
import { z } from "zod";
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { TaskHead } from "./heads.ts";

export const peftTypes = ["PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING", "LORA"] as const;

/** What PEFT calls tasks; undefined where the model has no head of its own. */
export const taskTypes: Readonly<Record<string, TaskHead | undefined>> = {
  SEQ_CLS: "sequence",
  TOKEN_CLS: "tokens",
  QUESTION_ANS: "span",
  SEQ_2_SEQ_LM: undefined,
  CAUSAL_LM: undefined,
  FEATURE_EXTRACTION: undefined,
};

const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);
const names = z.array(z.string().max(500)).max(100_000);
const numbers = z.record(z.string().max(500), z.number());

const common = {
  peft_type: z.enum(peftTypes),
  task_type: z.string().nullish(),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  inference_mode: z.boolean().nullish(),
  auto_mapping: z.unknown().optional(),
  peft_version: z.string().nullish(),
  modules_to_save: names.nullish(),
};

const virtual = {
  ...common,
  num_virtual_tokens: count,
  token_dim: count.nullish(),
  num_transformer_submodules: count.nullish(),
  num_attention_heads: count.nullish(),
  num_layers: count.nullish(),
};

const prefix = z.object({
  ...virtual,
  peft_type: z.literal("PREFIX_TUNING"),
  encoder_hidden_size: count.nullish(),
  prefix_projection: z.boolean().nullish(),
  init_weights: z.unknown().optional(),
});

const prompt = z.object({
  ...virtual,
  peft_type: z.literal("PROMPT_TUNING"),
  prompt_tuning_init: z.string().nullish(),
  prompt_tuning_init_text: z.string().nullish(),
  prompt_tuning_init_state_dict_path: z.string().nullish(),
  tokenizer_name_or_path: z.string().nullish(),
  tokenizer_kwargs: z.unknown().optional(),
});

const pTuning = z.object({
  ...virtual,
  peft_type: z.literal("P_TUNING"),
  encoder_reparameterization_type: z.string().nullish(),
  encoder_hidden_size: count.nullish(),
  encoder_num_layers: count.nullish(),
  encoder_dropout: z.number().nullish(),
});

const lora = z.object({
  ...common,
  peft_type: z.literal("LORA"),
  r: count.default(8),
  lora_alpha: z.number().default(8),
  lora_dropout: z.number().nullish(),
  target_modules: z.union([names, z.string()]).nullish(),
  exclude_modules: z.union([names, z.string()]).nullish(),
  bias: z.string().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: numbers.nullish(),
  alpha_pattern: numbers.nullish(),
  layers_to_transform: z.union([z.array(z.number().int()), z.number().int()]).nullish(),
  layers_pattern: z.union([names, z.string()]).nullish(),
  init_lora_weights: z.unknown().optional(),
});

const schema = z.discriminatedUnion("peft_type", [prefix, prompt, pTuning, lora]);

export type PeftConfig = z.infer<typeof schema>;
export type PeftLora = z.infer<typeof lora>;
export type PeftPrefix = z.infer<typeof prefix>;

/** Keys of LoRA variants whose arithmetic is not done here, and the values that leave it alone. */
const variants: Readonly<Record<string, readonly unknown[]>> = {
  use_dora: [false, null],
  use_qalora: [false, null],
  lora_bias: [false, null],
  bias: ["none", null],
  alora_invocation_tokens: [null],
  trainable_token_indices: [null],
  target_parameters: [null],
  layer_replication: [null],
  corda_config: [null],
  arrow_config: [null],
  use_bdlora: [false, null],
  monteclora_config: [null],
  velora_config: [null],
  kasa_config: [null],
};

/** Keys that PEFT writes of what no inference needs, or that are of no other value than these. */
const harmless = new Set([
  ...["megatron_config", "megatron_core", "loftq_config", "eva_config", "lora_ga_config", "qalora_group_size"],
  ...["ensure_weight_tying", "runtime_config", "num_frozen_tokens"],
]);

/**
 * @param where adapter_config.json
 * @throws corrupt_file naming the key; unsupported for another type, or a variant that computes something else
 */
export function parsePeftConfig(json: JsonObject, where: string): { config: PeftConfig; warnings: readonly string[] } {
  const type = json.peft_type;
  if (type === undefined) {
    fail("corrupt_file", "has no peft_type, so it does not say what kind of adapter this is", {
      where,
      hint: `expected one of ${peftTypes.join(", ")}`,
    });
  }
  if (!peftTypes.some((known) => known === type)) {
    fail("unsupported", `peft_type ${shown(String(type))} is not done here`, {
      where,
      hint: `known: ${peftTypes.join(", ")}`,
    });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return fail("corrupt_file", `${issue.path.join(".") || "it"}: ${issue.message}`, { where });
  }
  const { task_type: task } = parsed.data;
  if (task != null && !Object.hasOwn(taskTypes, task)) {
    fail("unsupported", `task_type ${shown(task)} is not known here`, {
      where,
      hint: `known: ${Object.keys(taskTypes).join(", ")}`,
    });
  }
  for (const [key, allowed] of type === "LORA" ? Object.entries(variants) : []) {
    if (json[key] === undefined || allowed.includes(json[key])) continue;
    fail("unsupported", `${key} is ${shown(JSON.stringify(json[key]))}: this variant of LoRA is not done here`, {
      where,
    });
  }
  const known = new Set([
    ...Object.keys(schema.options.find(({ shape }) => shape.peft_type.value === type)!.shape),
    ...Object.keys(variants),
  ]);
  const unknown = Object.keys(json).filter((key) => !known.has(key) && !harmless.has(key));
  return {
    config: parsed.data,
    warnings:
      unknown.length > 0 ? [`adapter_config.json: ignored keys ${unknown.slice(0, 8).map(shown).join(", ")}`] : [],
  };
}
