/** The tensors in what a torch file's pickle holds: a dictionary of them, or such dictionaries in dictionaries. */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { StorageRecord, TensorRecord, Value } from "./pickle-names.ts";

/** Keys under which training programs put a model's tensors, beside their optimiser's; the first that is there. */
const wrappers = [
  "state_dict",
  "model_state_dict",
  "model_dict",
  "model",
  "module",
  "net",
  "weights",
  "params",
] as const;

/** Dictionaries within dictionaries; training programs nest two or three. */
const mostDepth = 16;
/** Letters of all names together: a few bytes of a pickle could ask for a long name many times. */
const mostLetters = 64 << 20;

const isTensor = (value: Value): value is TensorRecord =>
  typeof value === "object" && value !== null && (value as TensorRecord).kind === "tensor";

const isHolder = (value: Value): value is Value[] | Map<Value, Value> => Array.isArray(value) || value instanceof Map;

/** What a dictionary or a list holds, by key or place. */
function* items(value: Value[] | Map<Value, Value>): Iterable<readonly [Value, Value]> {
  if (Array.isArray(value)) yield* value.entries();
  else yield* value;
}

/** Every tensor in a value, wherever it is; the value has been found to be of a size that can be walked. */
export function* everyTensor(value: Value): Iterable<TensorRecord> {
  const open: Value[] = [value];
  while (open.length > 0) {
    const next = open.pop()!;
    if (isTensor(next)) yield next;
    else if (isHolder(next)) for (const [, inner] of items(next)) open.push(inner);
  }
}

const holdsTensors = (value: Value): boolean => !everyTensor(value)[Symbol.iterator]().next().done;

/** The dictionary that is the model: the value itself, or what a wrapper's key names in it. */
function modelIn(value: Value, depth = 0): Value {
  if (!(value instanceof Map) || depth > mostDepth || [...value.values()].some(isTensor)) return value;
  for (const key of wrappers) {
    const inner = value.get(key);
    if (inner instanceof Map && holdsTensors(inner)) return modelIn(inner, depth + 1);
  }
  return value;
}

/**
 * The tensors of a model by name. Names of dictionaries within it stand before those of their tensors, with a point
 * between them, as PyTorch names the parameters of modules in modules.
 * @throws corrupt_file where there are none, for a name that comes twice, and for nesting without an end
 */
export function tensorsIn(value: Value, where: string): Map<string, TensorRecord> {
  const found = new Map<string, TensorRecord>();
  let letters = 0;
  const visit = (holder: Value[] | Map<Value, Value>, prefix: string, depth: number): void => {
    if (depth > mostDepth) fail("corrupt_file", `dictionaries nested more than ${mostDepth} deep`, { where });
    for (const [key, inner] of items(holder)) {
      if (!isTensor(inner) && !(isHolder(inner) && holdsTensors(inner))) continue;
      // Keys that are neither text nor numbers name nothing.
      if (typeof key !== "string" && typeof key !== "number") continue;
      const name = `${prefix}${key}`;
      letters += name.length;
      if (letters > mostLetters) fail("corrupt_file", "the names of its tensors take too much memory", { where });
      if (!isTensor(inner)) visit(inner as Value[] | Map<Value, Value>, `${name}.`, depth + 1);
      else if (found.has(name)) fail("corrupt_file", `two tensors are called ${shown(name)}`, { where });
      else found.set(name, inner);
    }
  };
  const model = modelIn(value);
  if (isHolder(model)) visit(model, "", 0);
  if (found.size === 0) fail("corrupt_file", "holds no dictionary of tensors", { where });
  return found;
}

/** Every storage a value's tensors lie in, by key. */
export function storagesIn(value: Value): Map<string, StorageRecord> {
  return new Map([...everyTensor(value)].map(({ storage }) => [storage.key, storage]));
}
