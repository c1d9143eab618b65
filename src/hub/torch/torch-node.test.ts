/** torch files: what torch wrote is read, what would run code or lies about itself is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { ZerothError } from "../../errors.ts";
import { openModelFolder } from "../folder-node.ts";
import { openSafetensors, readStored } from "../safetensors-node.ts";
import { readPickle } from "./pickle.ts";
import { openTorch } from "./torch-node.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures/torch", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "zeroth-torch-"));
afterAll(() => rmSync(place, { recursive: true }));

test.each(["tensors.zip.bin", "tensors.legacy.bin"])("%s holds what its safetensors twin holds", (name) => {
  const wanted = openSafetensors(join(fixtures, "tensors.safetensors")).tensors;
  const got = openTorch(join(fixtures, name));
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [tensor, stored] of wanted) {
    expect(readStored(got.get(tensor)!), tensor).toEqual(readStored(stored));
  }
  // Found, not read: only what is stored out of order is in memory.
  expect([...got].filter(([, stored]) => "data" in stored).map(([tensor]) => tensor)).toEqual(["turned"]);
});

test("tensors under state_dict are found", () => {
  expect([...openTorch(join(fixtures, "nested.bin")).keys()]).toEqual(["a"]);
});

test.each(["t5-zip", "t5-legacy", "t5-sharded"])("the folder %s opens like its safetensors twin", (name) => {
  const wanted = openModelFolder(join(fixtures, "t5-safetensors")).weights;
  const got = openModelFolder(join(fixtures, name)).weights;
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [tensor, stored] of wanted) expect(readStored(got.get(tensor)!)).toEqual(readStored(stored));
});

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const unicode = (text: string) => [0x8c, ascii(text).length, ...ascii(text)];
const global = (module: string, name: string) => ascii(`c${module}\n${name}\n`);
const pickle = (...codes: number[][]) => Uint8Array.from([0x80, 2, ...codes.flat(), 0x2e]);
const long8 = (n: bigint) => [...new Uint8Array(BigUint64Array.of(n).buffer)];

/** Payloads are never complete commands: what matters is which name they ask for, and that nothing looks it up. */
const hostile: Record<string, Uint8Array> = {
  "os.system": pickle(global("os", "system"), unicode("true"), [0x85, 0x52]),
  "posix.system": pickle(global("posix", "system"), unicode("true"), [0x85, 0x52]),
  "builtins.eval": pickle(global("builtins", "eval"), unicode("1"), [0x85, 0x52]),
  "builtins.exec": pickle(global("builtins", "exec"), unicode("1"), [0x85, 0x52]),
  "__builtin__.eval": pickle(global("__builtin__", "eval"), unicode("1"), [0x85, 0x52]),
  "builtins.getattr": pickle(global("builtins", "getattr"), unicode("x"), [0x85, 0x52]),
  "runpy._run_code": pickle(global("runpy", "_run_code"), [0x29, 0x52]),
  "subprocess.Popen": pickle(global("subprocess", "Popen"), unicode("true"), [0x85, 0x52]),
  "torch.load": pickle(global("torch", "load"), unicode("x"), [0x85, 0x52]),
  "torch.hub.load": pickle(global("torch.hub", "load"), unicode("x"), [0x85, 0x52]),
  "numpy.core.multiarray._reconstruct": pickle(global("numpy.core.multiarray", "_reconstruct"), [0x29, 0x52]),
  "a name from the stack": pickle(unicode("os"), unicode("system"), [0x93]),
  "a name from remembered parts": pickle(
    unicode("os"),
    [0x71, 0],
    unicode("system"),
    [0x71, 1, 0x68, 0, 0x68, 1, 0x93],
  ),
  "a name that is a list": pickle([0x5d], unicode("system"), [0x93]),
  "a name of objects' own": pickle(global("constructor", "prototype")),
  __proto__: pickle(global("__proto__", "toString")),
  "a dotted way through a known name": pickle(unicode("torch"), unicode("FloatStorage.__reduce__"), [0x93]),
  INST: pickle([0x28], ascii("ios\nsystem\n")),
  OBJ: pickle([0x28], global("collections", "OrderedDict"), [0x6f]),
  NEWOBJ: pickle(global("collections", "OrderedDict"), [0x29, 0x81]),
  NEWOBJ_EX: pickle(global("collections", "OrderedDict"), [0x29, 0x7d, 0x92]),
  EXT1: pickle([0x82, 1]),
  EXT4: pickle([0x84, 1, 0, 0, 0]),
  PERSID: pickle(ascii("Pstorage\n")),
  "a state for a list": pickle([0x5d, 0x7d, 0x62]),
  "a call of a storage type": pickle(global("torch", "FloatStorage"), [0x29, 0x52]),
  "a call of a text": pickle(unicode("system"), [0x29, 0x52]),
  "a reference that is no storage": pickle(unicode("module"), [0x85, 0x51]),
  "a piece of 2^62 bytes": pickle([0x8e, ...long8(1n << 62n)]),
  "a text of 4 GiB": pickle([0x58, 0xff, 0xff, 0xff, 0xff]),
  "a number of 4 GiB": pickle([0x8b, 0xff, 0xff, 0xff, 0x7f]),
  "a frame of 2^60 bytes that is not there": Uint8Array.from([0x80, 4, 0x95, ...long8(1n << 60n)]),
  "a value nobody remembered": pickle([0x68, 7]),
  "items without a mark": pickle([0x7d, 0x75]),
  "an empty stack": pickle([0x52]),
  "no end": Uint8Array.from([0x80, 2, 0x7d]),
  "protocol 9": Uint8Array.from([0x80, 9, 0x4e, 0x2e]),
  "an unknown opcode": pickle([0xff]),
  "a tensor over a number": pickle(
    global("torch._utils", "_rebuild_tensor_v2"),
    [0x28, 0x4b, 1, 0x4b, 0, 0x29, 0x29, 0x89, 0x7d, 0x74, 0x52],
  ),
};

test.each(Object.entries(hostile))("refused: %s", (_, bytes) => {
  expect(() => readPickle(bytes, 0, "file")).toThrow(ZerothError);
  try {
    readPickle(bytes, 0, "file");
  } catch (error) {
    expect((error as ZerothError).code).toBe("corrupt_file");
  }
});

test("deep nesting and lists that hold each other cost nothing", () => {
  const deep = new Uint8Array(200_003).fill(0x85);
  deep.set([0x80, 2, 0x4e]);
  deep[deep.length - 1] = 0x2e;
  expect(readPickle(deep, 0, "file").end).toBe(deep.length);
  // Each list holds the one before ten times: 10^200 elements if anybody counted.
  const bomb = Array.from({ length: 200 }, (_, i) => [
    ...[0x5d, 0x72, ...new Uint8Array(Uint32Array.of(i + 1).buffer)],
    ...(i === 0
      ? []
      : [
          0x28,
          ...Array(10)
            .fill([0x6a, ...new Uint8Array(Uint32Array.of(i).buffer)])
            .flat(),
          0x65,
        ]),
  ]);
  expect(() => readPickle(pickle(...bomb), 0, "file")).not.toThrow();
});

const u16 = (n: number) => [...new Uint8Array(Uint16Array.of(n).buffer)];
const u32 = (n: number) => [...new Uint8Array(Uint32Array.of(n).buffer)];

interface Entry {
  name: string;
  data: number[];
  method?: number;
  local?: string;
  at?: number;
  flags?: number;
  plain?: number;
}

/** A zip file of these entries, each as it wants to be seen. */
function zip(entries: readonly Entry[]): Uint8Array {
  const bytes: number[] = [];
  const directory = entries.flatMap(({ name, data, method = 0, local = name, at, flags = 0, plain = data.length }) => {
    const offset = at ?? bytes.length;
    const sizes = [...u32(0), ...u32(data.length), ...u32(plain)];
    bytes.push(...u32(0x04034b50), ...u16(20), ...u16(flags), ...u16(method), ...u32(0), ...sizes);
    bytes.push(...u16(local.length), ...u16(0), ...ascii(local), ...data);
    const head = [...u32(0x02014b50), ...u16(20), ...u16(20), ...u16(flags), ...u16(method), ...u32(0), ...sizes];
    return [
      ...head,
      ...u16(name.length),
      ...u16(0),
      ...u16(0),
      ...u16(0),
      ...u16(0),
      ...u32(0),
      ...u32(offset),
      ...ascii(name),
    ];
  });
  const end = [...u32(0x06054b50), ...u16(0), ...u16(0), ...u16(entries.length), ...u16(entries.length)];
  return Uint8Array.from([...bytes, ...directory, ...end, ...u32(directory.length), ...u32(bytes.length), ...u16(0)]);
}

const empty = [...pickle([0x7d])];
const zips: Record<string, [Uint8Array, RegExp]> = {
  "no pickle": [zip([{ name: "a/data/0", data: [1] }]), /one data.pkl, this one 0/],
  "two pickles": [zip(["a/data.pkl", "b/data.pkl"].map((name) => ({ name, data: empty }))), /this one 2/],
  "one name twice": [zip(["a/data.pkl", "a/data.pkl"].map((name) => ({ name, data: empty }))), /two entries/],
  "another name inside": [zip([{ name: "a/data.pkl", data: empty, local: "a/evil.pkl" }]), /something else/],
  "a way up": [zip([{ name: "../data.pkl", data: empty }]), /leads out/],
  "an absolute name": [zip([{ name: "/etc/data.pkl", data: empty }]), /leads out/],
  compressed: [zip([{ name: "a/data.pkl", data: empty, method: 8 }]), /compressed/],
  "a bomb": [zip([{ name: "a/data.pkl", data: empty, plain: 0xfffffff0 }]), /compressed/],
  encrypted: [zip([{ name: "a/data.pkl", data: empty, flags: 1 }]), /encrypted/],
  overlapping: [
    zip([
      { name: "a/data.pkl", data: empty },
      { name: "a/data.pkl2", data: empty, at: 0 },
    ]),
    /something else|overlap/,
  ],
  "something after the pickle": [zip([{ name: "a/data.pkl", data: [...empty, 0x63] }]), /follows the pickle/],
  "no tensors": [zip([{ name: "a/data.pkl", data: empty }]), /no dictionary of tensors/],
  "cut short": [zip([{ name: "a/data.pkl", data: empty }]).slice(0, -5), /cut short|directory/],
};

describe("zip files", () => {
  test.each(Object.entries(zips))("refused: %s", (name, [bytes, message]) => {
    const path = join(place, `${name.replaceAll(" ", "-")}.bin`);
    writeFileSync(path, bytes);
    expect(() => openTorch(path)).toThrow(message);
  });
});

test("damaged files give a typed error or tensors inside the file", () => {
  const path = join(place, "damaged.bin");
  for (const name of ["tensors.zip.bin", "tensors.legacy.bin", "nested.bin"]) {
    const original = new Uint8Array(readFileSync(join(fixtures, name)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (edits) => {
          const bytes = original.slice();
          for (const [at, value] of edits) bytes[at] = value;
          writeFileSync(path, bytes);
          try {
            for (const stored of openTorch(path).values()) {
              if ("file" in stored) expect(stored.offset + stored.length).toBeLessThanOrEqual(bytes.length);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(ZerothError);
          }
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  }
});
