/** Folders of Megatron-LM: which files are which rank's, their settings as a config.json, their tensors as GPT-2's. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../base/json.ts";
import { readTextFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { gpt2OfMegatron, type Rank } from "../weights/megatron.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { asStored } from "../weights/stored.ts";
import { openTorchFile } from "../weights/torch/torch-node.ts";
import type { PlainTensor, StoredTensor, Weights } from "../weights/weights.ts";

const file = "model_optim_rng.pt";
const latest = "latest_checkpointed_iteration.txt";

interface RankFile {
  readonly rank: number;
  readonly stage: number;
  readonly path: string;
}

/** The ranks' files in a folder: of the last iteration, of this one, or one rank's own. */
function rankFiles(folder: string, names: readonly string[]): RankFile[] | undefined {
  if (names.includes(latest)) {
    const said = readTextFile(locate(folder, latest)!, 100, join(folder, latest)).trim();
    const name = /^\d+$/.test(said) ? `iter_${said.padStart(7, "0")}` : said;
    if (name !== "release" && !name.startsWith("iter_")) {
      fail("corrupt_file", "names neither an iteration nor a release", { where: join(folder, latest) });
    }
    const inner = join(folder, name);
    if (!existsSync(inner)) fail("not_found", `${latest} names ${name}, which is not there`, { where: folder });
    return rankFiles(inner, readdirSync(inner));
  }
  if (names.includes(file)) return [{ rank: 0, stage: 0, path: locate(folder, file)! }];
  if (names.some((name) => name.endsWith(".distcp"))) {
    fail("unsupported", "a checkpoint distributed over .distcp files is not read", {
      where: folder,
      hint: "save it once with --ckpt-format torch",
    });
  }
  const ranks = names.flatMap((name): RankFile[] => {
    const [, rank, stage = "0"] = /^mp_rank_(\d+)(?:_(\d+))?$/.exec(name) ?? [];
    const path = rank === undefined ? undefined : locate(folder, `${name}/${file}`);
    return path === undefined ? [] : [{ rank: Number(rank), stage: Number(stage), path }];
  });
  return ranks.length > 0 ? ranks : undefined;
}

type Settings = ReadonlyMap<unknown, unknown>;

/** What a GPT may have been trained with and GPT-2 has not. */
const foreign: readonly (readonly [key: string, is: (value: unknown) => boolean])[] = [
  ["use_rotary_position_embeddings", (value) => value === true],
  ["position_embedding_type", (value) => typeof value === "string" && value !== "learned_absolute"],
  ["group_query_attention", (value) => value === true],
  ["num_experts", (value) => typeof value === "number" && value > 0],
  ["swiglu", (value) => value === true],
  ["squared_relu", (value) => value === true],
  ["normalization", (value) => typeof value === "string" && value !== "LayerNorm"],
  ["apply_layernorm_1p", (value) => value === true],
  ["add_bias_linear", (value) => value === false],
  ["untie_embeddings_and_output_weights", (value) => value === true],
];

function configOf(settings: Settings, where: string): JsonObject {
  for (const [key, is] of foreign) {
    if (!is(settings.get(key))) continue;
    fail("unsupported", `a checkpoint of Megatron-LM with ${key} ${String(settings.get(key))} is no GPT-2`, { where });
  }
  const number = (key: string): number => {
    const value = settings.get(key);
    return typeof value === "number"
      ? value
      : fail("corrupt_file", `the settings of Megatron-LM in the checkpoint do not say ${key}`, {
          where,
          hint: "put a config.json of model_type gpt2 into the folder: it says what the checkpoint does not",
        });
  };
  const inner = settings.get("ffn_hidden_size");
  const epsilon = settings.get("layernorm_epsilon");
  const gelu =
    settings.get("openai_gelu") === true
      ? "gelu_new"
      : settings.get("bias_gelu_fusion") === true
        ? "gelu_fast"
        : "gelu";
  return {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    n_layer: number("num_layers"),
    n_embd: number("hidden_size"),
    n_head: number("num_attention_heads"),
    n_positions: number("max_position_embeddings"),
    ...(typeof inner === "number" && { n_inner: inner }),
    ...(typeof epsilon === "number" && { layer_norm_epsilon: epsilon }),
    activation_function: gelu,
    tie_word_embeddings: true,
  };
}

/** Ranks by stage and place. @throws corrupt_file where one lacks */
function inOrder(files: readonly RankFile[], where: string): RankFile[][] {
  const stages = Math.max(...files.map(({ stage }) => stage)) + 1;
  const ranks = Math.max(...files.map(({ rank }) => rank)) + 1;
  if (stages * ranks !== files.length) {
    fail("corrupt_file", `${files.length} ranks, where ${stages} stages of ${ranks} are wanted`, { where });
  }
  return Array.from({ length: stages }, (_, stage) =>
    files.filter((one) => one.stage === stage).sort((a, b) => a.rank - b.rank),
  );
}

const below = "language_model.";

function rankOf(tensors: Weights): Rank {
  const named = new Map(
    [...tensors].flatMap(([name, tensor]) => (name.startsWith(below) ? [[name.slice(below.length), tensor]] : [])) as [
      string,
      StoredTensor,
    ][],
  );
  return { names: [...named.keys()], read: (name) => readStored(named.get(name)!) };
}

export interface MegatronFolder {
  readonly config: JsonObject;
  /** Read them: GPT-2's, in memory. */
  tensors(): ReadonlyMap<string, PlainTensor>;
}

/**
 * A folder of Megatron-LM's GPT as a model folder of GPT-2; undefined for another folder. What a config.json beside it
 * says counts, the size of the vocabulary above all, which Megatron rounds up; without, that of a `vocab.json`.
 * @throws unsupported for models that are no GPT-2; corrupt_file for ranks that lack or do not agree
 */
export function openMegatron(
  folder: string,
  names: readonly string[],
  given: JsonObject | undefined,
  entries: () => number | undefined,
): MegatronFolder | undefined {
  if (names.some((name) => /^(model|pytorch_model)\b.*\.(safetensors|bin)$/.test(name))) return undefined;
  const files = rankFiles(folder, names);
  if (!files) return undefined;
  const opened = inOrder(files, folder).map((stage) => stage.map(({ path }) => openTorchFile(path)));
  const { value } = opened[0]![0]!;
  const top: Settings = value instanceof Map ? value : new Map();
  const settings = top.get("args");
  const derived = given ?? configOf(settings instanceof Map ? settings : new Map(), folder);
  const version = top.get("checkpoint_version");
  const size = given ? given.vocab_size : entries();
  const heads = Number(derived.n_head ?? 12);
  const ranks = opened[0]!;
  const padded = ranks.reduce((rows, { tensors }) => {
    return rows + (tensors.get(`${below}embedding.word_embeddings.weight`)?.shape[0] ?? 0);
  }, 0);
  const layout = {
    stages: opened.map((stage) => stage.map(({ tensors }) => rankOf(tensors))),
    version: typeof version === "number" ? version : 0,
    heads,
    vocabulary: typeof size === "number" ? size : undefined,
    where: folder,
  };
  return {
    config: { ...derived, vocab_size: typeof size === "number" ? size : padded },
    tensors: () => new Map(asStored(gpt2OfMegatron(layout))),
  };
}
