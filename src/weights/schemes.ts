/**
 * Whether a checkpoint's tensors are the numbers they stand for. Other programs quantise matrices too, each in
 * a way of its own; read as numbers they would give wrong answers without an error.
 */
import { isJsonObject, type JsonObject, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import { isFloat } from "../graph/dtype.ts";
import { isQuantized, type StoredTensor, type Weights } from "./weights.ts";

/** Last parts of names by which a scheme is known, where config.json does not say it. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/\.(SCB|absmax|quant_map|nested_absmax|nested_quant_map)$|\.quant_state\.|\.weight_format$/, "bitsandbytes"],
  [/\.(qweight|qzeros|g_idx)$/, "GPTQ or AWQ"],
  [/\.(weight_packed|weight_shape|weight_global_scale)$/, "compressed-tensors"],
  [/\.weight_scale(_inv)?$/, "fp8"],
  [/\._(data|scale|zeropoint|packed)$/, "quanto"],
];

const hint = "use a copy of the model stored as F32, F16 or BF16; zeroth quantize makes 8 or 4 bits of that";

/** What is in the way of reading a checkpoint's tensors as numbers. */
export interface StorageProblem {
  readonly what: string;
  readonly hint: string;
}

/** The word for how a model was stored that its config.json uses, ours excepted. */
function schemeOf(config: JsonObject): string | undefined {
  const stored = config.quantization_config ?? config.compression_config;
  if (stored === undefined || stored === null) return undefined;
  if (!isJsonObject(stored)) return "an unknown scheme";
  const method = stored.quant_method;
  if (method === "zeroth") return undefined;
  if (typeof method === "string") return shown(method);
  // Written before there was a name for it.
  return stored.load_in_8bit === true || stored.load_in_4bit === true ? '"bitsandbytes"' : "an unknown scheme";
}

/** As `schemeOf`, of the configuration and of those of its parts (a text model within a larger one). */
function schemeIn(config: JsonObject): string | undefined {
  const parts = Object.values(config).filter(isJsonObject);
  return [config, ...parts].map(schemeOf).find((scheme) => scheme !== undefined);
}

const isWhole = (stored: StoredTensor): boolean => !isQuantized(stored) && !isFloat(stored.dtype);

/**
 * What keeps these tensors from being read as numbers: a scheme that config.json names, one that tensors' names give
 * away, or a weight of whole numbers. Undefined where nothing does; tensors that `zeroth quantize` wrote are joined
 * before this is asked. Tables of positions, masks and counters may be whole numbers: they are no weights.
 */
export function storageProblem(config: JsonObject, weights: Weights): StorageProblem | undefined {
  const named = schemeIn(config);
  if (named !== undefined) {
    return { what: `its weights are stored by ${named} (quantization_config), which is not read here`, hint };
  }
  for (const [name, stored] of weights) {
    const sign = isQuantized(stored) ? undefined : signs.find(([pattern]) => pattern.test(name));
    if (sign)
      return { what: `tensor ${shown(name)} belongs to weights stored by ${sign[1]}, which is not read here`, hint };
    if (/(^|[._])weight$/.test(name) && isWhole(stored)) {
      return { what: `tensor ${shown(name)} is stored as ${stored.dtype}, which needs scales to be numbers`, hint };
    }
  }
  return undefined;
}

/**
 * Refuse weights that cannot be read as numbers. Everything that opens a model folder passes here.
 * @throws unsupported naming the scheme or the tensor
 */
export function refuseForeignStorage(config: JsonObject, weights: Weights, where: string): void {
  const problem = storageProblem(config, weights);
  if (problem) fail("unsupported", problem.what, { where, hint: problem.hint });
}

/**
 * Refuse whole numbers where a model computes with fractions: for the tensors that a model asks for by name, whatever
 * they are called.
 * @throws unsupported naming the tensor
 */
export function needNumbers(name: string, stored: StoredTensor, where: string): void {
  if (isWhole(stored)) {
    fail("unsupported", `tensor ${shown(name)} is stored as ${stored.dtype}, where fractions are expected`, {
      where,
      hint,
    });
  }
}
