/**
 * From a checkpoint's names to those a model asks for. Training programs wrap models, so that all names begin with
 * `module.` or `model.`; base models lack the prefix that the same model has below a head; tied tensors are stored
 * under one of several names.
 */
import { shown } from "../base/json.ts";
import { fail } from "../errors.ts";

export interface NameRules {
  /** For a wanted name, others under which the same tensor may be stored, the likeliest first. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** Prefixes that may stand before all names or lack, with their point: `transformer.`. */
  readonly prefixes?: readonly string[];
  /** Names that mean nothing to the model: neither missing nor unexpected. */
  readonly ignored?: readonly RegExp[];
}

export interface CanonicalNames {
  /** From the wanted name to the stored one. */
  readonly stored: ReadonlyMap<string, string>;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** What was taken from the stored names and what was put before them; both are mostly empty. */
  readonly stripped: string;
  readonly added: string;
}

/** What training programs put before all names. */
const wrappers = [
  "module.",
  "model.",
  "_orig_mod.",
  "_forward_module.",
  "transformer.",
  "state_dict.",
  "net.",
] as const;

/** Buffers that models once saved and compute by themselves now. */
export const commonIgnored: readonly RegExp[] = [
  /\.rotary_emb\./,
  /\.attn\.(bias|masked_bias)$/,
  /\.attention\.(bias|masked_bias)$/,
  /(^|[._])position_ids$/,
  /\.num_batches_tracked$/,
];

/** Wrappers are put around wrappers, and a family's own prefix below them. */
const mostParts = 3;
/** Prefixes that are tried; with every wrapper within every other there are hundreds, with real ones a handful. */
const mostTried = 32;

/** Prefixes, one after another, with which at least one of the names begins; none first. */
function chains(names: readonly string[], prefixes: readonly string[]): string[] {
  const found = [""];
  let last = [{ prefix: "", names }];
  for (let part = 0; part < mostParts; part++) {
    const next: typeof last = [];
    for (const one of last) {
      for (const prefix of prefixes) {
        const whole = one.prefix + prefix;
        const begun = one.names.filter((name) => name.startsWith(whole));
        if (begun.length === 0 || found.length >= mostTried) continue;
        found.push(whole);
        next.push({ prefix: whole, names: begun });
      }
    }
    last = next;
  }
  return found;
}

/** What all names begin with, up to each of its points: `a.`, `a.b.`. */
function shared(names: readonly string[]): string[] {
  const [first = "", ...rest] = names;
  let length = first.length;
  for (const name of rest) {
    while (length > 0 && !name.startsWith(first.slice(0, length))) {
      // Before the first letter there is no further point to go back to.
      length = length > 1 ? first.lastIndexOf(".", length - 2) + 1 : 0;
    }
  }
  const common = names.length > 1 ? first.slice(0, length) : "";
  return [...common.matchAll(/\./g)].slice(0, mostTried).map(({ index }) => common.slice(0, index + 1));
}

/** The stored name of a wanted one, where `strip` stands before the stored names and `add` before the wanted. */
function storedName(names: ReadonlySet<string>, wanted: string, strip: string, add: string): string | undefined {
  const bare = add !== "" && wanted.startsWith(add) ? wanted.slice(add.length) : wanted;
  // Exact names win: a prefix need not stand before all of them.
  return [wanted, strip + wanted, strip + bare, bare].find((name) => names.has(name));
}

/**
 * Which stored tensor is which wanted one: by the one prefix, taken away or put before, with which most names are
 * found; of equally good ones the shortest.
 * @param stored names in the checkpoint
 * @param wanted names the model asks for
 */
export function canonicalNames(
  stored: Iterable<string>,
  wanted: Iterable<string>,
  { aliases = {}, prefixes = [], ignored = commonIgnored }: NameRules = {},
): CanonicalNames {
  const names = new Set(stored);
  const asked = [...new Set(wanted)];
  const aliasesOf = (name: string): readonly string[] => (Object.hasOwn(aliases, name) ? (aliases[name] ?? []) : []);
  const parts = [...new Set([...prefixes, ...wrappers])];
  const strips = [...new Set([...chains([...names], parts), ...shared([...names])])];
  const adds = ["", ...prefixes.filter((prefix) => asked.some((name) => name.startsWith(prefix)))];
  const tries = strips
    .flatMap((strip) => adds.map((add) => ({ strip, add })))
    .sort((a, b) => a.strip.length + a.add.length - (b.strip.length + b.add.length));

  const find = (name: string, { strip, add }: (typeof tries)[number]): string | undefined => {
    for (const one of [name, ...aliasesOf(name)]) {
      const found = storedName(names, one, strip, add);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  let best = { strip: "", add: "" };
  let most = -1;
  for (const one of tries) {
    const found = asked.filter((name) => find(name, one) !== undefined).length;
    if (found > most) [best, most] = [one, found];
    if (found === asked.length) break;
  }

  const result = new Map<string, string>();
  const missing: string[] = [];
  const expected = new Set<string | undefined>();
  for (const name of asked) {
    const found = find(name, best);
    if (found === undefined) missing.push(name);
    else result.set(name, found);
    for (const one of [name, ...aliasesOf(name)]) expected.add(storedName(names, one, best.strip, best.add));
  }
  const unexpected = [...names].filter((name) => !expected.has(name) && !ignored.some((pattern) => pattern.test(name)));
  return { stored: result, missing, unexpected, stripped: best.strip, added: best.add };
}

/** At most this many names stand in a message. */
const mostShown = 5;

const list = (names: readonly string[]): string =>
  names.slice(0, mostShown).map(shown).join(", ") +
  (names.length > mostShown ? ` and ${names.length - mostShown} more` : "");

/**
 * Say which tensors a model needs and a checkpoint does not have.
 * @param absent tensors that the shard index names and no shard has, with the shard it puts them in
 * @throws corrupt_file with the first names, the shard of the first where it is known, and what is there instead
 */
export function failMissing(
  { missing, unexpected }: Pick<CanonicalNames, "missing" | "unexpected">,
  where: string,
  absent: ReadonlyMap<string, string> = new Map(),
): never {
  const shard = absent.get(missing[0] ?? "");
  const placed = shard === undefined ? "" : `; the index puts the first in ${shard}, which does not have it`;
  const instead = unexpected.length === 0 ? "" : `; not expected: ${list(unexpected)}`;
  const [noun, verb] = missing.length === 1 ? ["tensor", "is"] : ["tensors", "are"];
  return fail("corrupt_file", `${missing.length} ${noun} ${verb} missing: ${list(missing)}${placed}${instead}`, {
    where,
    hint: "is the download complete, and does config.json belong to these weights?",
  });
}
