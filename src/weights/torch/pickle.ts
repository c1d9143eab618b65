/**
 * Reading a pickle without running it: an interpreter of the opcodes that torch writes, over plain values. A name of
 * Python's is looked up in a table of what is known; nothing else exists here, so nothing can be called.
 */

import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { calls, cost, holders, type Name, size, storages, type Value, words } from "./pickle-names.ts";

/** Ends of what is read: real files are far below. */
const limits = { operations: 20_000_000, stack: 4_000_000 } as const;

/** What pickles may still take: bytes of memory, and parts of their values written out. */
export interface PickleBudget {
  room: number;
  parts: number;
  operations: number;
}

/** What the pickles of one file may take: memory of 3 times its size, and a sum that any small one may. */
export const pickleBudget = (bytes: number): PickleBudget => ({
  room: 3 * bytes + (48 << 20),
  parts: Math.max(1 << 20, bytes),
  operations: limits.operations,
});

/** Names of the opcodes that hostile pickles live on; the others are shown by their number. */
const opcodeNames: Readonly<Record<number, string>> = {
  46: "STOP",
  80: "PERSID",
  81: "BINPERSID",
  82: "REDUCE",
  98: "BUILD",
  99: "GLOBAL",
  105: "INST",
  111: "OBJ",
  128: "PROTO",
  129: "NEWOBJ",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
  146: "NEWOBJ_EX",
  147: "STACK_GLOBAL",
  149: "FRAME",
  150: "BYTEARRAY8",
  151: "NEXT_BUFFER",
  152: "READONLY_BUFFER",
};

const opcodeName = (code: number | undefined): string =>
  code === undefined ? "the end" : `opcode ${opcodeNames[code] ?? `0x${code.toString(16).padStart(2, "0")}`}`;

/** Parts of a value written out, every list and dictionary as often as it is held; counted up to `most`, then Infinity. */
function partsOf(value: Value, most: number): number {
  const open: Value[] = [value];
  let seen = 1;
  while (open.length > 0) {
    const next = open.pop()!;
    if (!Array.isArray(next) && !(next instanceof Map)) continue;
    seen += Array.isArray(next) ? next.length : 2 * next.size;
    if (seen > most) return Infinity;
    if (Array.isArray(next)) for (const item of next) open.push(item);
    else for (const [key, item] of next) open.push(key, item);
  }
  return seen;
}

/** A mark on the stack. */
const mark = Symbol("mark");
type Slot = Value | typeof mark;

/**
 * Read one pickle from `bytes`, beginning at `start`.
 * @param budget shared by the pickles of one file, where it holds several
 * @returns the value and where the pickle ended
 * @throws corrupt_file for a name that is not known, an opcode that torch does not write, and damage
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  where: string,
  budget: PickleBudget = pickleBudget(bytes.length),
): { value: Value; end: number } {
  let at = start;
  /** Where the opcode stands that is being done. */
  let opcodeAt = start;
  const refuse = (what: string): never =>
    fail("corrupt_file", `${what} (${opcodeName(bytes[opcodeAt])} at byte ${opcodeAt} of the pickle)`, {
      where,
      hint: "do not load this file with other programs either, unless you trust whoever made it",
    });
  const spend = (amount: number) => {
    budget.room -= amount;
    if (budget.room < 0) refuse("asks for more memory than a pickle of this size may");
  };
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (count: number): number => {
    if (!(count <= bytes.length - at)) refuse("the pickle is cut short");
    at += count;
    return at - count;
  };
  const text = (count: number) => new TextDecoder().decode(bytes.subarray(need(count), at));
  const raw = (count: number) => bytes.subarray(need(count), at);
  const wide = () => {
    const n = data.getBigUint64(need(8), true);
    return n > BigInt(bytes.length) ? refuse(`a piece of ${n} bytes`) : Number(n);
  };
  const line = () => {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 1000) refuse("a name without an end");
    const found = text(end - at);
    at++;
    return found;
  };
  const stack: Slot[] = [];
  const dictionary = () => {
    spend(cost.dictionary);
    return new Map<Value, Value>();
  };
  const list = (items: Value[]) => {
    spend(cost.list + items.length * cost.slot);
    return items;
  };
  const memo: (Value | undefined)[] = [];
  const pop = (): Value => {
    const top = stack.pop();
    return top === undefined || top === mark ? refuse("a value is missing") : top;
  };
  const top = (): Value => {
    const value = stack.at(-1);
    return value === undefined || value === mark ? refuse("a value is missing") : value;
  };
  const popMark = (): Value[] => {
    const from = stack.lastIndexOf(mark);
    if (from < 0) refuse("a mark is missing");
    const values = stack.splice(from).slice(1);
    return values as Value[];
  };
  const remember = (index: number) => {
    // Numbered as they come, from 0 or 1, by whatever writes pickles.
    if (index > memo.length + 255) refuse(`value ${index} is remembered where ${memo.length} would be next`);
    spend(cost.slot);
    memo[index] = top();
  };
  const recall = (index: number) => {
    const value = memo[index];
    if (value === undefined) refuse(`value ${index} was never remembered`);
    stack.push(value as Value);
  };
  const name = (module: Value, member: Value) => {
    if (typeof module !== "string" || typeof member !== "string") return refuse("asks for a name that is no text");
    const full = `${module}.${member}`;
    // A member with a dot would be a way through a known name to something else.
    const known = Object.hasOwn(storages, full) || Object.hasOwn(calls, full) || holders.has(full) || words.has(full);
    if (member.includes(".") || !known) {
      refuse(`wants Python's ${shown(full)}, which no weights need`);
    }
    spend(cost.list);
    stack.push({ kind: "name", name: full });
  };
  const call = () => {
    const args = pop();
    const callee = pop() as Name;
    const known =
      typeof callee === "object" && callee !== null && callee.kind === "name" ? calls[callee.name] : undefined;
    if (!known || !Array.isArray(args)) return refuse("calls something that is no function");
    spend(cost.dictionary);
    stack.push(known(args, spend));
  };
  /** Objects that take their entries from a state. */
  const held = new WeakSet<Map<Value, Value>>();
  const object = () => {
    const args = pop();
    const made = pop() as Name;
    const known = typeof made === "object" && made !== null && made.kind === "name" && holders.has(made.name);
    if (!known || !Array.isArray(args) || args.length > 0) return refuse("makes an object that no weights need");
    const map = dictionary();
    held.add(map);
    stack.push(map);
  };
  /** What a dictionary carries beside its items (torch's _metadata) is of no use here. */
  const state = () => {
    const given = pop();
    const target = top();
    if (!(target instanceof Map)) return refuse("gives a state to something that is no dictionary");
    if (!held.has(target)) return;
    if (!(given instanceof Map)) return refuse("a state that is no dictionary");
    spend(given.size * cost.entry);
    for (const [key, value] of given) target.set(key, value);
  };
  const persistent = () => {
    const id = pop();
    if (!Array.isArray(id) || id[0] !== "storage") refuse("a reference to something that is no storage");
    const [, type, key, , elements, part] = id as Value[];
    const dtype =
      typeof type === "object" && type !== null && (type as Name).kind === "name"
        ? storages[(type as Name).name]
        : undefined;
    if (!dtype || (typeof key !== "string" && typeof key !== "number")) refuse("a storage of no known type");
    if (part !== undefined && part !== null) refuse("a part of a storage, as torch before 0.4 wrote it");
    spend(cost.record);
    stack.push({ kind: "storage", dtype: dtype!, key: String(key), elements: size(elements, "a storage's size") });
  };
  const put = (target: Value, items: readonly Value[]) => {
    if (!(target instanceof Map) || items.length % 2 !== 0) refuse("items for something that is no dictionary");
    spend((items.length / 2) * cost.entry);
    for (let i = 0; i < items.length; i += 2) (target as Map<Value, Value>).set(items[i]!, items[i + 1]!);
  };
  const append = (target: Value, items: readonly Value[]) => {
    if (!Array.isArray(target)) refuse("items for something that is no list");
    spend(items.length * cost.slot);
    for (const item of items) (target as Value[]).push(item);
  };
  /** Little-endian two's complement, as whole numbers of any length are written. */
  const long = (count: number): bigint => {
    if (count > 64) refuse(`a whole number of ${count} bytes`);
    let n = 0n;
    raw(count).forEach((byte, i) => {
      n |= BigInt(byte) << BigInt(8 * i);
    });
    return count > 0 && bytes[at - 1]! & 0x80 ? n - (1n << BigInt(8 * count)) : n;
  };
  const tuple = (count: number) => {
    stack.push(list(Array.from({ length: count }, pop).reverse()));
  };

  /** Where the frame ends that is being read; protocol 4 cuts a pickle into such. */
  let frame = start;
  const enterFrame = () => {
    const length = wide();
    if (opcodeAt < frame) refuse("a frame within a frame");
    if (length > bytes.length - at) refuse(`a frame of ${length} bytes, ${bytes.length - at} are left`);
    frame = at + length;
  };

  const operations: Readonly<Record<number, () => void>> = {
    128: () => {
      if (opcodeAt !== start) refuse("a protocol that is not at the beginning");
      const version = bytes[need(1)]!;
      if (version > 5) refuse(`protocol ${version}`);
    },
    149: enterFrame,
    40: () => stack.push(mark),
    48: () => stack.pop(),
    49: () => popMark(),
    50: () => stack.push(top()),
    78: () => stack.push(null),
    136: () => stack.push(true),
    137: () => stack.push(false),
    74: () => stack.push(data.getInt32(need(4), true)),
    75: () => stack.push(bytes[need(1)]!),
    77: () => stack.push(data.getUint16(need(2), true)),
    71: () => stack.push(data.getFloat64(need(8), false)),
    138: () => stack.push(long(bytes[need(1)]!)),
    139: () => stack.push(long(data.getUint32(need(4), true))),
    88: () => stack.push(text(data.getUint32(need(4), true))),
    140: () => stack.push(text(bytes[need(1)]!)),
    141: () => stack.push(text(wide())),
    85: () => stack.push(text(bytes[need(1)]!)),
    84: () => stack.push(text(data.getUint32(need(4), true))),
    66: () => stack.push(raw(data.getUint32(need(4), true))),
    67: () => stack.push(raw(bytes[need(1)]!)),
    142: () => stack.push(raw(wide())),
    125: () => stack.push(dictionary()),
    93: () => stack.push(list([])),
    41: () => stack.push(list([])),
    116: () => stack.push(list(popMark())),
    108: () => stack.push(list(popMark())),
    100: () => {
      const map = dictionary();
      put(map, popMark());
      stack.push(map);
    },
    133: () => tuple(1),
    134: () => tuple(2),
    135: () => tuple(3),
    113: () => remember(bytes[need(1)]!),
    114: () => remember(data.getUint32(need(4), true)),
    148: () => remember(memo.length),
    104: () => recall(bytes[need(1)]!),
    106: () => recall(data.getUint32(need(4), true)),
    99: () => {
      const module = line();
      name(module, line());
    },
    147: () => {
      const member = pop();
      name(pop(), member);
    },
    82: call,
    98: state,
    129: object,
    81: persistent,
    115: () => {
      const value = pop();
      const key = pop();
      put(top(), [key, value]);
    },
    117: () => {
      const items = popMark();
      put(top(), items);
    },
    97: () => {
      const item = pop();
      append(top(), [item]);
    },
    101: () => {
      const items = popMark();
      append(top(), items);
    },
  };

  try {
    for (;;) {
      if (--budget.operations < 0 || stack.length >= limits.stack) refuse("the pickle is too long");
      opcodeAt = at;
      const code = bytes[need(1)]!;
      if (code === 46) break;
      const operation = Object.hasOwn(operations, code) ? operations[code] : undefined;
      if (!operation) return refuse("an opcode that torch does not write");
      operation();
      if (opcodeAt < frame && at > frame) refuse("crosses the end of its frame");
    }
  } catch (error) {
    if (error instanceof RangeError) refuse(error.message);
    throw error;
  }
  if (at < frame) refuse("ends before its frame does");
  const value = pop();
  if (stack.length > 0) refuse("leaves more than its value");
  budget.parts -= partsOf(value, budget.parts);
  if (budget.parts < 0) refuse("a small pickle that stands for a huge value");
  return { value, end: at };
}
