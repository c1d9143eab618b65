/** Codes of pickles byte by byte, and the values of torch that they make. */
export const ascii = (text: string) => [...new TextEncoder().encode(text)];
export const u16 = (n: number) => [...new Uint8Array(Uint16Array.of(n).buffer)];
export const u32 = (n: number) => [...new Uint8Array(Uint32Array.of(n).buffer)];
export const u64 = (n: bigint) => [...new Uint8Array(BigUint64Array.of(n).buffer)];

/** SHORT_BINUNICODE. */
export const text = (value: string) => [0x8c, ascii(value).length, ...ascii(value)];
/** GLOBAL. */
export const global = (module: string, name: string) => ascii(`c${module}\n${name}\n`);
/** BININT. */
export const int = (n: number) => [0x4a, ...new Uint8Array(Int32Array.of(n).buffer)];
/** MARK, parts, TUPLE. */
export const tuple = (...parts: number[][]) => [0x28, ...parts.flat(), 0x74];
export const [none, reduce, stackGlobal, emptyTuple, tuple1, build, pop] = [
  0x4e, 0x52, 0x93, 0x29, 0x85, 0x62, 0x30,
].map((code) => [code]) as [number[], number[], number[], number[], number[], number[], number[]];
export const put = (n: number) => [0x72, ...u32(n)];
export const get = (n: number) => [0x6a, ...u32(n)];
export const pickle = (...codes: number[][]) => Uint8Array.from([0x80, 2, ...codes.flat(), 0x2e]);
export const bare = (...codes: number[][]) => Uint8Array.from([...codes.flat(), 0x2e]);

export const calls = (module: string, name: string) => pickle(global(module, name), text("x"), tuple1, reduce);

export const storage = (key = "0", elements = int(4), type = global("torch", "FloatStorage")) => [
  ...tuple(text("storage"), type, text(key), text("cpu"), elements),
  0x51,
];
export const rebuild = global("torch._utils", "_rebuild_tensor_v2");
export const dictionary = global("collections", "OrderedDict");

/** A rebuilt tensor of these sizes over a storage of four float32. */
export const tensor = (offset: number[], shape: number[][], strides: number[][], over = storage()) => [
  ...rebuild,
  ...tuple(over, offset, tuple(...shape), tuple(...strides), [0x89], [...dictionary, ...emptyTuple, ...reduce]),
  ...reduce,
];

/** A list that holds the one before it ten times, `levels` times over. */
export const laughs = (levels: number) => [
  ...[0x5d, ...put(0), ...pop],
  ...Array.from({ length: levels }, (_, i) => [
    ...[0x5d, ...put(i + 1), 0x28],
    ...Array.from({ length: 10 }, () => get(i)).flat(),
    ...[0x65, ...pop],
  ]).flat(),
  ...get(levels),
];

/** A state dictionary of one tensor "w". */
export const stateOf = (value: number[]) => pickle([0x7d], text("w"), value, [0x73]);
