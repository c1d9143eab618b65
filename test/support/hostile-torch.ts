/**
 * Pickles and zip files that want to run code, lie about themselves or grow without end, built byte by byte. The
 * kinds follow what was found to pass scanners of block lists (the tests and advisories of fickling and picklescan,
 * CVE-2025-32434, CVE-2025-10155 to 10157); no payload is a complete command: what matters is the name it asks for.
 */

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
const [none, reduce, stackGlobal, emptyTuple, tuple1, build, pop] = [0x4e, 0x52, 0x93, 0x29, 0x85, 0x62, 0x30].map(
  (code) => [code],
) as [number[], number[], number[], number[], number[], number[], number[]];
const put = (n: number) => [0x72, ...u32(n)];
const get = (n: number) => [0x6a, ...u32(n)];
export const pickle = (...codes: number[][]) => Uint8Array.from([0x80, 2, ...codes.flat(), 0x2e]);
const bare = (...codes: number[][]) => Uint8Array.from([...codes.flat(), 0x2e]);

const calls = (module: string, name: string) => pickle(global(module, name), text("x"), tuple1, reduce);

/** Functions of Python's that run what they are given, or bring something in that does. */
const dangerous = `os.system posix.system nt.system os.popen os.execv builtins.eval builtins.exec builtins.compile
  builtins.getattr builtins.__import__ builtins.open __builtin__.eval __builtin__.apply __builtin__.globals
  runpy._run_code runpy.run_path subprocess.Popen subprocess.run pty.spawn code.InteractiveInterpreter marshal.loads
  types.FunctionType types.CodeType pickle.loads _pickle.loads cProfile.run profile.run ctypes.CDLL pydoc.locate
  importlib.import_module operator.attrgetter operator.methodcaller functools.partial multiprocessing.util.spawnv_passfds
  webbrowser.open socket.create_connection http.client.HTTPSConnection requests.api.get aiohttp.client.ClientSession
  sys.exit shutil.rmtree io.FileIO logging.FileHandler uuid._get_command_stdout timeit.timeit trace.Trace pdb.run bdb.Bdb
  asyncio.unix_events._UnixSubprocessTransport._start cloudpickle.cloudpickle._make_function
  torch.load torch.hub.load torch.jit.load torch.serialization.load torch.utils._config_module.ConfigModule.load_config
  torch._inductor.codecache.compile_file torch._dynamo.guards.GuardBuilder.get numpy.load numpy.testing._private.utils.runstring
  numpy.core.multiarray._reconstruct numpy.f2py.crackfortran.getlincoef pandas.read_pickle joblib.load
  transformers.pipelines.pipeline idlelib.run.Executive.runcode lib2to3.pgen2.grammar.Grammar.loads test.support.script_helper.assert_python_ok`
  .split(/\s+/)
  .map((name) => [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)] as const);

export const storage = (key = "0", elements = int(4), type = global("torch", "FloatStorage")) => [
  ...tuple(text("storage"), type, text(key), text("cpu"), elements),
  0x51,
];
const rebuild = global("torch._utils", "_rebuild_tensor_v2");
const dictionary = global("collections", "OrderedDict");

/** A rebuilt tensor of these sizes over a storage of four float32. */
export const tensor = (offset: number[], shape: number[][], strides: number[][], over = storage()) => [
  ...rebuild,
  ...tuple(over, offset, tuple(...shape), tuple(...strides), [0x89], [...dictionary, ...emptyTuple, ...reduce]),
  ...reduce,
];

/** A list that holds the one before it ten times, `levels` times over. */
const laughs = (levels: number) => [
  ...[0x5d, ...put(0), ...pop],
  ...Array.from({ length: levels }, (_, i) => [
    ...[0x5d, ...put(i + 1), 0x28],
    ...Array.from({ length: 10 }, () => get(i)).flat(),
    ...[0x65, ...pop],
  ]).flat(),
  ...get(levels),
];

/** The same without the memo: DUP and LIST. */
const doubled = (levels: number) => [
  ...Array.from({ length: levels }, () => 0x28),
  ...text("x"),
  ...Array.from({ length: levels }, () => [...Array.from({ length: 9 }, () => 0x32), 0x6c]).flat(),
];

/** A list of `n` pairs under memo 1, made a dictionary of again and again. */
const remade = (n: number) => [
  ...[0x5d, ...put(1), 0x28],
  ...Array.from({ length: n }, (_, i) => [...int(i), ...none, 0x86]).flat(),
  0x65,
  ...Array.from({ length: n }, () => [...dictionary, ...get(1), ...tuple1, ...reduce, ...pop]).flat(),
];

const known = (name: string) => [...global(...(name.split(/\.(?=\w+$)/) as [string, string]))];

export const hostilePickles: Readonly<Record<string, [bytes: Uint8Array, message: RegExp]>> = {
  ...Object.fromEntries(
    dangerous.map(([module, name]) => [
      `${module}.${name}`,
      [calls(module, name), /wants Python's .*opcode GLOBAL at byte 2 /] as [Uint8Array, RegExp],
    ]),
  ),
  "a call that protocol 0 writes": [
    bare(ascii("cposix\nsystem\n(S'x'\ntR")),
    /wants Python's "posix.system".*opcode GLOBAL at byte 0/,
  ],
  "INST: mark, arguments, class": [bare([0x28], ascii("S'x'\n"), ascii("ios\nsystem\n")), /opcode 0x53/],
  "INST without arguments": [pickle([0x28], ascii("ios\nsystem\n")), /torch does not write \(opcode INST at byte 3/],
  "INST of a known name": [pickle([0x28], ascii("icollections\nOrderedDict\n")), /opcode INST/],
  "OBJ of an unknown class": [pickle([0x28], global("os", "system"), text("x"), [0x6f]), /"os.system"/],
  "OBJ of a known name": [pickle([0x28], dictionary, [0x6f]), /opcode OBJ/],
  "NEWOBJ of an unknown class": [
    pickle(global("subprocess", "Popen"), text("x"), tuple1, [0x81]),
    /"subprocess.Popen"/,
  ],
  "NEWOBJ of a known name": [pickle(dictionary, emptyTuple, [0x81]), /opcode NEWOBJ at/],
  "NEWOBJ_EX of a known name": [pickle(dictionary, emptyTuple, [0x7d], [0x92]), /opcode NEWOBJ_EX/],
  "STACK_GLOBAL: a name from the stack": [pickle(text("os"), text("system"), stackGlobal), /"os.system".*STACK_GLOBAL/],
  "STACK_GLOBAL: a name from remembered parts": [
    pickle(text("os"), [0x71, 0], text("system"), [0x71, 1], pop, pop, [0x68, 0, 0x68, 1], stackGlobal),
    /"os.system"/,
  ],
  "STACK_GLOBAL: parts put away and other ones shown": [
    pickle(
      ...["os", "system", "torch", "LongStorage"].flatMap((part, i) => [text(part), put(i), pop]),
      get(0),
      get(1),
      stackGlobal,
    ),
    /"os.system"/,
  ],
  "STACK_GLOBAL: a name that is a list": [pickle([0x5d], text("system"), stackGlobal), /name that is no text/],
  "STACK_GLOBAL: a name that is a huge list": [pickle(laughs(30), text("system"), stackGlobal), /name that is no text/],
  "STACK_GLOBAL: a name that is a number": [pickle(text("os"), int(1), stackGlobal), /name that is no text/],
  "STACK_GLOBAL: a name made by a call": [
    pickle(dictionary, emptyTuple, reduce, text("x"), stackGlobal),
    /name that is no text/,
  ],
  "STACK_GLOBAL: bytes for a name": [pickle([0x43, 2], ascii("os"), text("system"), stackGlobal), /no text/],
  "a dotted way through a known name": [
    pickle(text("torch"), text("FloatStorage.__reduce__"), stackGlobal),
    /"torch.FloatStorage.__reduce__"/,
  ],
  "a known name cut elsewhere": [
    pickle(text("torch"), text("_utils._rebuild_tensor_v2"), stackGlobal),
    /wants Python's "torch._utils._rebuild_tensor_v2"/,
  ],
  "a dotted way to builtins": [
    pickle(global("collections", "OrderedDict.__init__.__globals__")),
    /wants Python's "collections.OrderedDict.__init__.__globals__"/,
  ],
  "a name of objects' own": [pickle(global("constructor", "prototype")), /"constructor.prototype"/],
  "a name of the table's prototype": [pickle(global("", "constructor")), /wants Python's/],
  __proto__: [pickle(global("__proto__", "toString")), /"__proto__.toString"/],
  "a name with a line break too few": [pickle(ascii("cos system")), /name without an end/],
  "a name of 5,000 letters": [pickle(global("a".repeat(5000), "b")), /name without an end/],
  "BUILD on a tensor, for __setstate__": [
    pickle(tensor(int(0), [int(4)], [int(1)]), [0x7d], text("__setstate__"), dictionary, [0x73], build),
    /state to something that is no dictionary.*BUILD/,
  ],
  "BUILD on a list": [pickle([0x5d, 0x7d], build), /state to something/],
  "BUILD on a name": [pickle(dictionary, [0x7d], build), /state to something/],
  EXT1: [pickle([0x82, 1]), /opcode EXT1/],
  EXT2: [pickle([0x83, 1, 0]), /opcode EXT2/],
  EXT4: [pickle([0x84, 1, 0, 0, 0]), /opcode EXT4/],
  PERSID: [pickle(ascii("Pstorage\n")), /opcode PERSID/],
  "a reference that is a text": [pickle(text("module"), [0x51]), /reference to something that is no storage/],
  "a reference to a module": [pickle(text("module"), tuple1, [0x51]), /reference to something that is no storage/],
  "a reference with a number for a type": [pickle(tuple(text("storage"), int(1), text("0")), [0x51]), /no known type/],
  "a reference with a function for a type": [
    pickle(tuple(text("storage"), dictionary, text("0"), text("cpu"), int(1)), [0x51]),
    /no known type/,
  ],
  "a reference with a list for a key": [
    pickle(tuple(text("storage"), known("torch.FloatStorage"), laughs(30), text("cpu"), int(1)), [0x51]),
    /no known type/,
  ],
  "a reference to a part of a storage": [
    pickle(tuple(text("storage"), known("torch.FloatStorage"), text("0"), text("cpu"), int(1), tuple(int(0))), [0x51]),
    /part of a storage/,
  ],
  "a storage of −1 elements": [pickle(storage("0", int(-1))), /storage's size is -1/],
  "a storage of a text of elements": [pickle(storage("0", text("4"))), /storage's size is no number/],
  "a storage of 2^64 elements": [
    pickle(storage("0", [0x8a, 9, ...u64(0n), 1])),
    /storage's size is 18446744073709551616/,
  ],
  "a call of a storage type": [pickle(known("torch.FloatStorage"), emptyTuple, reduce), /calls something/],
  "a call of a text": [pickle(text("system"), emptyTuple, reduce), /calls something/],
  "a call of a tensor": [pickle(tensor(int(0), [], []), emptyTuple, reduce), /calls something/],
  "a call with a dictionary for arguments": [pickle(dictionary, [0x7d], reduce), /calls something/],
  "a tensor over a number": [
    pickle(rebuild, tuple(int(1), int(0), emptyTuple, emptyTuple, [0x89], [0x7d]), reduce),
    /tensor over no storage/,
  ],
  "a tensor over nothing": [pickle(rebuild, emptyTuple, reduce), /tensor over no storage/],
  "a tensor with 33 axes": [
    pickle(tensor(int(0), Array(33).fill(int(1)), Array(33).fill(int(1)))),
    /shape is no short list/,
  ],
  "a tensor with a list for a size": [pickle(tensor(int(0), [[0x5d]], [int(1)])), /tensor's shape is no number/],
  "a tensor with half a size": [
    pickle(tensor(int(0), [[0x47, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]], [int(1)])),
    /tensor's shape is 0.5/,
  ],
  "a tensor with a size of NaN": [
    pickle(tensor(int(0), [[0x47, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]], [int(1)])),
    /tensor's shape is NaN/,
  ],
  "a tensor with a size of −1": [pickle(tensor(int(0), [int(-1)], [int(1)])), /tensor's shape is -1/],
  "a tensor with a stride of −1": [pickle(tensor(int(3), [int(4)], [int(-1)])), /tensor's strides is -1/],
  "a tensor with an offset of −1": [pickle(tensor(int(-1), [int(4)], [int(1)])), /tensor's offset is -1/],
  "a tensor with a stride too few": [pickle(tensor(int(0), [int(2), int(2)], [int(1)])), /other strides than sizes/],
  "a piece of 2^62 bytes": [pickle([0x8e, ...u64(1n << 62n)]), /a piece of \d+ bytes/],
  "a text of 2^63 bytes": [pickle([0x8d, ...u64(1n << 63n)]), /a piece of \d+ bytes/],
  "a text of 4 GiB": [pickle([0x58, 0xff, 0xff, 0xff, 0xff]), /cut short/],
  "a LONG4 of 2 GiB": [pickle([0x8b, 0xff, 0xff, 0xff, 0x7f]), /whole number of 2147483647 bytes/],
  "a LONG4 of −1 bytes": [pickle([0x8b, 0xff, 0xff, 0xff, 0xff]), /whole number of 4294967295 bytes/],
  "a LONG1 of 255 bytes": [pickle([0x8a, 0xff], Array(255).fill(1)), /whole number of 255 bytes/],
  "a number in letters": [pickle(ascii("L1L\n")), /opcode 0x4c/],
  BYTEARRAY8: [pickle([0x96, ...u64(1n), 0]), /opcode BYTEARRAY8/],
  "NEXT_BUFFER: bytes from outside": [pickle([0x97]), /opcode NEXT_BUFFER/],
  "READONLY_BUFFER: bytes from outside": [pickle([0x97, 0x98]), /opcode NEXT_BUFFER/],
  "a frame of 2^60 bytes": [Uint8Array.from([0x80, 4, 0x95, ...u64(1n << 60n), 0x4e, 0x2e]), /a piece of/],
  "a frame longer than the file": [Uint8Array.from([0x80, 4, 0x95, ...u64(9n), 0x7d, 0x2e]), /frame of 9 bytes, 2/],
  "a frame that ends within an opcode": [
    Uint8Array.from([0x80, 4, 0x95, ...u64(2n), ...text("abc"), 0x2e]),
    /crosses the end of its frame/,
  ],
  "a frame within a frame": [
    Uint8Array.from([0x80, 4, 0x95, ...u64(11n), 0x95, ...u64(2n), 0x7d, 0x2e]),
    /frame within a frame/,
  ],
  "a STOP before the frame ends": [Uint8Array.from([0x80, 4, 0x95, ...u64(3n), 0x7d, 0x2e, 0x4e]), /ends before/],
  "protocol 9": [Uint8Array.from([0x80, 9, 0x4e, 0x2e]), /protocol 9/],
  "PROTO twice": [pickle([0x80, 2], [0x7d]), /protocol that is not at the beginning.*PROTO at byte 2/],
  "PROTO late": [pickle([0x7d], [0x80, 4]), /protocol that is not at the beginning/],
  "a value remembered at 2^32 − 1": [pickle([0x7d, 0x72, 0xff, 0xff, 0xff, 0xff]), /remembered where 0 would be next/],
  "a value nobody remembered": [pickle([0x68, 7]), /value 7 was never remembered/],
  "items without a mark": [pickle([0x7d, 0x75]), /mark is missing/],
  "a mark for a value": [pickle([0x28, 0x85]), /value is missing/],
  "items for a text": [pickle(text("a"), [0x28], text("b"), text("c"), [0x75]), /no dictionary/],
  "items for a number": [pickle(int(1), int(2), [0x61]), /no list/],
  "a key without its item": [pickle([0x7d, 0x28], text("b"), [0x75]), /no dictionary/],
  "an empty stack": [pickle(reduce), /value is missing/],
  "nothing but STOP": [pickle(), /value is missing/],
  "two values": [pickle([0x7d, 0x7d]), /leaves more/],
  "no end": [Uint8Array.from([0x80, 2, 0x7d]), /cut short/],
  "an unknown opcode": [pickle([0xff]), /opcode 0xff/],
  "the memo as a bomb": [pickle([0x4e], Array(5_000_000).fill(0x94)), /more memory than/],
  "dictionaries as a bomb": [pickle(Array(2_000_000).fill(0x7d)), /more memory than/],
  "a list made a dictionary of 20,000 times": [pickle(remade(20_000)), /more memory than/],
  "a list appended to itself": [pickle([0x5d, ...put(0)], get(0), [0x61]), /stands for a huge value/],
  "a billion laughs": [pickle(laughs(9)), /stands for a huge value/],
  "10^200 laughs": [pickle(laughs(200)), /stands for a huge value/],
  "laughs by DUP": [pickle(doubled(9)), /stands for a huge value/],
  "laughs beside a tensor": [
    pickle([0x7d, 0x28], text("a"), tensor(int(0), [int(4)], [int(1)]), text("b"), laughs(12), [0x75]),
    /stands for a huge value/,
  ],
};

export interface Entry {
  name: string;
  data: ArrayLike<number>;
  /** What the entry's own header says, where that differs. */
  local?: string;
  method?: number;
  flags?: number;
  localFlags?: number;
  localSize?: number;
  plain?: number;
  localPlain?: number;
  /** The mode of a file on Unix. */
  mode?: number;
  at?: number;
  /** What follows the data; flag bit 3 says that something does. */
  after?: readonly number[];
  extra?: readonly number[];
}

export interface ZipLies {
  before?: readonly number[];
  after?: readonly number[];
  /** Between the directory and its end record. */
  within?: readonly number[];
  comment?: string;
  count?: number;
  length?: number;
  offset?: number;
  disk?: number;
}

/** A zip file of these entries, each as it wants to be seen. */
export function zip(entries: readonly Entry[], lies: ZipLies = {}): Uint8Array {
  // Too long to be spread into a call, which a few of these files would be.
  let bytes = Buffer.from(lies.before ?? []);
  const push = (...parts: ArrayLike<number>[]) => {
    bytes = Buffer.concat([bytes, ...parts.map((part) => Buffer.from(part as number[]))]);
  };
  const directory: number[] = [];
  for (const entry of entries) {
    const { name, data, local = name, method = 0, flags = 0, plain = data.length, extra = [] } = entry;
    const offset = entry.at ?? bytes.length;
    const own = entry.localSize ?? data.length;
    const head = (flag: number) => [...u16(20), ...u16(flag), ...u16(method), ...u32(0), ...u32(0)];
    push(u32(0x04034b50), head(entry.localFlags ?? flags), u32(own), u32(entry.localPlain ?? own));
    push(u16(ascii(local).length), u16(0), ascii(local), data, entry.after ?? []);
    const { mode } = entry;
    const madeBy = mode === undefined ? 20 : 20 | (3 << 8);
    directory.push(...u32(0x02014b50), ...u16(madeBy), ...head(flags), ...u32(data.length), ...u32(plain));
    directory.push(...u16(ascii(name).length), ...u16(extra.length), ...Array(6).fill(0));
    directory.push(...u32((mode ?? 0) * 65536), ...u32(offset));
    directory.push(...ascii(name), ...extra);
  }
  const count = lies.count ?? entries.length;
  const end = [...u32(0x06054b50), ...u16(lies.disk ?? 0), ...u16(0), ...u16(count), ...u16(count)];
  const comment = ascii(lies.comment ?? "");
  const place = [...u32(lies.length ?? directory.length), ...u32(lies.offset ?? bytes.length)];
  const tail = [...end, ...place, ...u16(comment.length), ...comment, ...(lies.after ?? [])];
  push(directory, lies.within ?? [], tail);
  return new Uint8Array(bytes);
}

/** The records of 64 bits that stand before the end of a zip file. */
const wideRecords = (count: number, length: number, offset: number, at: number) => [
  ...u32(0x06064b50),
  ...u64(44n),
  ...u16(45),
  ...u16(45),
  ...u32(0),
  ...u32(0),
  ...[count, count, length, offset].flatMap((n) => u64(BigInt(n))),
  ...[...u32(0x07064b50), ...u32(0), ...u64(BigInt(at)), ...u32(1)],
];

const empty = [...pickle([0x7d])];
const one: Entry = { name: "a/data.pkl", data: empty };
const descriptor = (size: number) => [...u32(0x08074b50), ...u32(0), ...u32(size), ...u32(size)];
const whole = zip([one]);
const directoryLength = 46 + one.name.length;
const directoryAt = whole.length - 22 - directoryLength;

/** A torch file of one pickle and its storages. */
export const torchZip = (
  state: Uint8Array,
  storages: Readonly<Record<string, ArrayLike<number>>> = {},
  more: readonly Entry[] = [],
) =>
  zip([
    { name: "a/data.pkl", data: state },
    ...Object.entries(storages).map(([key, data]) => ({ name: `a/data/${key}`, data })),
    ...more,
  ]);

/** A state dictionary of one tensor "w". */
export const stateOf = (value: number[]) => pickle([0x7d], text("w"), value, [0x73]);
const sixteen = Array<number>(16).fill(0);
const lying = (value: number[], data: number[] = sixteen) => torchZip(stateOf(value), { "0": data });

export const hostileZips: Readonly<Record<string, [bytes: Uint8Array, message: RegExp]>> = {
  "no pickle": [zip([{ name: "a/data/0", data: [1] }]), /one data.pkl, this one 0/],
  "two pickles": [zip(["a/data.pkl", "b/data.pkl"].map((name) => ({ name, data: empty }))), /this one 2/],
  "one name twice": [zip([one, one]), /two entries are called "a\/data.pkl"/],
  "another name inside": [zip([{ ...one, local: "a/evil.pkl" }]), /something else at its own place/],
  "a way up": [zip([{ ...one, name: "../data.pkl" }]), /leads out/],
  "a way up within": [zip([{ ...one, name: "a/../../data.pkl" }]), /leads out/],
  "an absolute name": [zip([{ ...one, name: "/etc/data.pkl" }]), /leads out/],
  "a drive": [zip([{ ...one, name: "C:data.pkl" }]), /leads out/],
  "a backslash": [zip([{ ...one, name: "..\\data.pkl" }]), /leads out/],
  "a NUL in a name": [zip([{ ...one, name: "a\0/data.pkl" }]), /leads out/],
  "no name": [zip([{ ...one, name: "" }]), /leads out/],
  compressed: [zip([{ ...one, method: 8 }]), /is compressed/],
  "compressed in another way": [zip([{ ...one, method: 99 }]), /is compressed/],
  "a ratio of a million": [zip([{ ...one, method: 8, plain: 10_000_000 }]), /is compressed/],
  "stored, and larger when unpacked": [zip([{ ...one, plain: 0xfffffff0 }]), /is compressed/],
  encrypted: [zip([{ ...one, flags: 1 }]), /is encrypted/],
  "encrypted strongly": [zip([{ ...one, flags: 1 << 6 }]), /is encrypted/],
  "a masked header": [zip([{ ...one, flags: 1 << 13 }]), /is encrypted/],
  "flags of a patch": [zip([{ ...one, flags: 1 << 5 }]), /flags that torch does not write/],
  "encrypted at its own place only": [zip([{ ...one, localFlags: 1 }]), /something else at its own place/],
  "another size at its own place": [zip([{ ...one, localSize: 3 }]), /other sizes at its own place/],
  "a descriptor that lies": [zip([{ ...one, flags: 8, after: descriptor(3) }]), /other sizes at its own place/],
  "a descriptor that is missing": [zip([{ ...one, flags: 8 }]), /other sizes at its own place/],
  "a large size that is missing": [zip([{ ...one, plain: 0xffffffff }]), /lacks its large size/],
  "a large size beyond the file": [
    zip([{ ...one, plain: 0xffffffff, extra: [...u16(1), ...u16(8), ...u64(1n << 62n)] }]),
    /is compressed/,
  ],
  overlapping: [zip([one, { name: "a/data.pkl2", data: empty, at: 0 }]), /something else at its own place/],
  "entries within an entry": [
    zip([
      { name: "a/x", data: [...zip([one])] },
      { ...one, at: 30 + 3 },
    ]),
    /overlap/,
  ],
  "an entry beyond the file": [zip([{ ...one, at: 0x7fffffff }]), /lies outside the file/],
  "65,534 entries that are not there": [zip([one], { count: 65534 }), /directory of 65534 entries/],
  "fewer entries than there are": [zip([one, { ...one, name: "b" }], { count: 1 }), /more than its entries/],
  "a directory elsewhere": [zip([one], { offset: 0 }), /does not end where/],
  "a directory of 2 GiB": [zip([one], { length: 0x7fffffff }), /does not end where/],
  "a part of several": [zip([one], { disk: 1 }), /one part of a zip file/],
  "something before": [zip([one], { before: ascii("PK..") }), /no dictionary/],
  "something between directory and end": [zip([one], { within: [0, 0] }), /does not end where/],
  "something after": [zip([one], { after: [0] }), /something follows/],
  "a comment": [zip([one], { comment: "hello" }), /something follows/],
  "an end within a comment": [zip([one], { comment: String.fromCharCode(...zip([])) }), /does not end where/],
  "a large directory that is missing": [
    zip([one], { within: [...u32(0x07064b50), ...u32(0), ...u64(1n << 60n), ...u32(1)] }),
    /large directory of the zip file is not where/,
  ],
  "a large directory that disagrees": [
    zip([one], { within: wideRecords(7, directoryLength, directoryAt, directoryAt + directoryLength) }),
    /disagree/,
  ],
  "a large directory of 2^60 entries": [
    zip([one], {
      count: 0xffff,
      within: wideRecords(2 ** 52, directoryLength, directoryAt, directoryAt + directoryLength),
    }),
    /a zip directory of 4503599627370496 entries/,
  ],
  "something after the pickle": [zip([{ ...one, data: [...empty, 0x63] }]), /follows the pickle/],
  "a second pickle after the first": [
    zip([{ ...one, data: [...empty, ...calls("os", "system")] }]),
    /follows the pickle/,
  ],
  "a pickle in a pickle": [
    torchZip(pickle([0x43, 30], [...calls("os", "system")], Array(30 - calls("os", "system").length).fill(0))),
    /no dictionary of tensors/,
  ],
  "no tensors": [whole, /no dictionary of tensors/],
  "cut short": [whole.slice(0, -5), /cut short/],
  "nothing but an end": [zip([]), /one data.pkl, this one 0/],
  "big-endian numbers": [zip([one, { name: "a/byteorder", data: ascii("big") }]), /big-endian/],
  "a tensor larger than its storage": [lying(tensor(int(0), [int(5)], [int(1)])), /beyond its storage/],
  "a tensor that begins after its storage": [lying(tensor(int(4), [int(1)], [int(1)])), /beyond its storage/],
  "a stride that leads out": [lying(tensor(int(0), [int(2), int(2)], [int(3), int(1)])), /beyond its storage/],
  "a size whose product overflows": [
    lying(tensor(int(0), Array(3).fill(int(2 ** 30)), [int(0), int(0), int(0)])),
    /has the shape/,
  ],
  "a quarter of a gibibyte from one number": [lying(tensor(int(0), [int(2 ** 26)], [int(0)])), /more than once/],
  "a window that overlaps itself": [lying(tensor(int(0), [int(3), int(3)], [int(1), int(0)])), /more than once/],
  "a storage larger than its entry": [lying(tensor(int(0), [int(4)], [int(1)], storage("0", int(5)))), /beyond/],
  "a storage that is not there": [lying(tensor(int(0), [int(4)], [int(1)], storage("9"))), /storage "9" is missing/],
  "a storage called ../../x": [
    lying(tensor(int(0), [int(4)], [int(1)], storage("../../x"))),
    /storage "..\/..\/x" is missing/,
  ],
  "one storage put in order many times": [
    torchZip(
      pickle(
        [0x7d, 0x28],
        ...Array.from({ length: 200 }, (_, i) => [
          ...text(`w${i}`),
          ...tensor(int(0), [int(2), int(500)], [int(1), int(2)], storage("0", int(1000))),
        ]),
        [0x75],
      ),
      { "0": new Uint8Array(4000) },
    ),
    /stored out of order and too large/,
  ],
};

/** The three pickles before the tensors' in the format before torch 1.6. */
export const legacyHead = [
  ...pickle([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
  ...pickle(int(1001)),
  ...pickle([0x7d]),
];
const legacy = (state: Uint8Array, keys: Uint8Array, data: readonly number[]) =>
  Uint8Array.from([...legacyHead, ...state, ...keys, ...data]);
const good = stateOf(tensor(int(0), [int(4)], [int(1)]));
const keys = (...names: number[][]) => pickle([0x5d, 0x28], ...names, [0x65]);

/** The format before torch 1.6. */
export const hostileLegacy: Readonly<Record<string, [bytes: Uint8Array, message: RegExp]>> = {
  "another magic number": [pickle(int(7)), /torch's number/],
  "another version": [
    Uint8Array.from([...legacyHead.slice(0, 15), ...pickle(int(7)), ...pickle([0x7d]), ...good, ...keys()]),
    /version 7/,
  ],
  "a version that is a huge list": [
    Uint8Array.from([...legacyHead.slice(0, 15), ...pickle(laughs(5)), ...pickle([0x7d]), ...good, ...keys()]),
    /version that is no number/,
  ],
  "no keys": [legacy(good, pickle(none), []), /list of storages is missing/],
  "a key that is a list": [legacy(good, keys([0x5d]), []), /belongs to no tensor/],
  "a key nobody uses": [legacy(good, keys(text("7")), []), /storage "7" belongs to no tensor/],
  "a key twice": [
    legacy(good, keys(text("0"), text("0")), [...u64(4n), ...sixteen, ...u64(4n), ...sixteen]),
    /comes twice/,
  ],
  "another size": [legacy(good, keys(text("0")), [...u64(1n << 60n), ...sixteen]), /expected 4/],
  "cut in a storage": [legacy(good, keys(text("0")), [...u64(4n), 0]), /cut short/],
  "cut before a storage": [legacy(good, keys(text("0")), [1]), /cut short/],
  "something after": [legacy(good, keys(text("0")), [...u64(4n), ...sixteen, 0]), /1 bytes follow/],
  "a storage that is not there": [legacy(good, keys(), []), /storage "0" is missing/],
  "code in the first pickle": [calls("os", "system"), /os.system/],
  "code in the fifth pickle": [legacy(good, calls("os", "system"), []), /os.system/],
  "one tensor's storage twice as long as another's": [
    legacy(
      pickle(
        [0x7d, 0x28],
        text("a"),
        tensor(int(0), [int(4)], [int(1)], storage("0", int(4))),
        text("b"),
        tensor(int(0), [int(8)], [int(1)], storage("0", int(8))),
        [0x75],
      ),
      keys(text("0")),
      [...u64(4n), ...sixteen],
    ),
    /expected 8|beyond its storage/,
  ],
};
