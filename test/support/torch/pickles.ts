/**
 * Pickles that want to run code, lie about themselves or grow without end, built byte by byte. The
 * kinds follow what was found to pass scanners of block lists (the tests and advisories of fickling and picklescan,
 * CVE-2025-32434, CVE-2025-10155 to 10157); no payload is a complete command: what matters is the name it asks for.
 */
import {
  ascii,
  bare,
  build,
  calls,
  dictionary,
  emptyTuple,
  get,
  global,
  int,
  laughs,
  none,
  pickle,
  pop,
  put,
  rebuild,
  reduce,
  stackGlobal,
  storage,
  tensor,
  text,
  tuple,
  tuple1,
  u64,
} from "./codes.ts";

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
