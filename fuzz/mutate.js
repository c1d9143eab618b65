/** Structure-aware mutation: valid inputs with one to four things wrong, every case a function of its seed alone. */

const encoder = new TextEncoder();

/** mulberry32: small, seeded, the same everywhere. */
export function generator(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

const oddValues = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  2,
  0.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  1e21,
  "",
  "a",
  "▁",
  " ",
  "\u0000",
  "\ud800",
  "F32",
  "F33",
  "I64",
  "BOOL",
  "Unigram",
  "BPE",
  "Metaspace",
  "ByteLevel",
  "Sequence",
  "Replace",
  "(a+)+$",
  "((",
  "[",
  "\\",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "x".repeat(5000),
  [],
  {},
  [[]],
  [{}],
  [0, 0],
  [1, -1],
  { type: "Sequence" },
  { type: "Strip", left: 1e9 },
  { Regex: "(a*)*b" },
  { Regex: " {2,}" },
  { String: "" },
  { type: "FixedLength", length: 0 },
];

/** All places of a JSON value: [container, key]. */
function places(value, out = []) {
  if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      out.push([value, key]);
      places(value[key], out);
    }
  }
  return out;
}

export function mutateValue(root, random) {
  const all = places(root);
  if (all.length === 0) return;
  const [container, key] = random.pick(all);
  const [other, otherKey] = random.pick(all);
  switch (random.below(7)) {
    case 0:
      if (Array.isArray(container)) container.splice(Number(key), 1);
      else delete container[key];
      break;
    case 1:
      container[key] = structuredClone(other[otherKey]);
      break;
    case 2:
      if (!Array.isArray(container)) {
        const name = random.pick(["__proto__", "a", "", "type", "dtype", "Regex", "\u0000", key.toUpperCase()]);
        Object.defineProperty(container, name, {
          value: container[key],
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else container.push(structuredClone(container[key]));
      break;
    case 3:
      if (typeof container[key] === "number") container[key] += random.pick([-1, 1, 0.5, 2 ** 31, -(2 ** 31), 2 ** 53]);
      else container[key] = structuredClone(random.pick(oddValues));
      break;
    case 4:
      if (typeof container[key] === "string") {
        const at = random.below(container[key].length + 1);
        container[key] =
          container[key].slice(0, at) +
          random.pick(["", "\u0301", "<", "▁", "\ud800", "+"]) +
          container[key].slice(at + 1);
      } else container[key] = structuredClone(random.pick(oddValues));
      break;
    default:
      container[key] = structuredClone(random.pick(oddValues));
  }
}

export function mutateBytes(bytes, random) {
  let out = bytes.slice();
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(out.length + 1);
    switch (random.below(5)) {
      case 0:
        out[at] = random.below(256);
        break;
      case 1:
        out[at] ^= 1 << random.below(8);
        break;
      case 2:
        out = out.slice(0, at);
        break;
      case 3: {
        const length = random.below(16);
        const part = out.slice(at, at + length);
        out = Uint8Array.from([...out.slice(0, at), ...part, ...out.slice(at)]);
        break;
      }
      default:
        out = Uint8Array.from([
          ...out.slice(0, at),
          ...encoder.encode(random.pick(['"', "{", "}", "[", ",", ":", "-", "e", "9", "\\u0000"])),
          ...out.slice(at),
        ]);
    }
  }
  return out;
}

export function safetensorsBytes(header, data, length) {
  const json = encoder.encode(header);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** One thing wrong in a list of items, any kind: one lost, doubled, moved or exchanged. */
export function mutateList(list, random) {
  if (list.length === 0) return;
  const [at, other] = [random.below(list.length), random.below(list.length)];
  switch (random.below(4)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(other, 0, list[at]);
      break;
    case 2:
      list[at] = list[other];
      break;
    default:
      [list[at], list[other]] = [list[other], list[at]];
  }
}

/** Whole numbers that sizes and places turn wrong at. */
export const oddNumbers = [
  -(2 ** 53),
  -(2 ** 31),
  -1,
  0,
  1,
  2,
  127,
  128,
  255,
  256,
  65535,
  2 ** 24,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 62,
];

/** One case: the structure of a JSON text or of a safetensors file, or its bytes. */
export function mutate(seed, random) {
  const isText = typeof seed === "string";
  const bytes = isText ? encoder.encode(seed) : seed;
  if (random.next() < 0.3) {
    const out = mutateBytes(bytes, random);
    return isText ? new TextDecoder().decode(out) : out;
  }
  const length = isText ? bytes.length : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const root = JSON.parse(isText ? seed : new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (let n = 1 + random.below(4); n > 0; n--) mutateValue(root, random);
  let text = JSON.stringify(root);
  if (random.next() < 0.1) text = text.replace(/"([a-z_]+)":/, '"$1":0,"$1":');
  if (isText) return text;
  const data = bytes.length - 8 - length + (random.next() < 0.2 ? random.pick([-1, 1, 8]) : 0);
  const claimed = random.next() < 0.1 ? random.pick([0, 1, 2 ** 31, 2 ** 53, text.length + 1]) : undefined;
  return safetensorsBytes(text, Math.max(0, data), claimed);
}
