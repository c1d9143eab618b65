/** A tokenizer's tokens as a tree of bytes, and which of them a state of an automaton allows. */
import { fail } from "../../errors.ts";
import type { TokenBytes } from "../../tokenizers/token-bytes.ts";
import type { Automaton, State } from "./automaton.ts";
import type { Writable } from "./check.ts";
import { joined, others, type Range } from "./grammar.ts";

export interface Vocabulary {
  readonly size: number;
  readonly writable: Writable;
  /** A space at the very start of an answer is not shown. */
  readonly dropsFirstSpace: boolean;
  /** Bytes of a token; undefined for what is no text, as special tokens. */
  bytes(id: number): Uint8Array | undefined;
  /** Whether a token is another text at the start of an answer than elsewhere, but for a space before it. */
  differsFirst(id: number): boolean;
  /** A bit for every token that the state allows, the lowest bit of the first number for token 0. */
  allowed(automaton: Automaton, state: State): Int32Array;
}

/** Nodes of the tree in depth-first order. */
interface Tree {
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  /** The first node that is not below this one. */
  readonly skip: Int32Array;
  /** Of `tokens`: those of a node end where those of the next begin. */
  readonly from: Int32Array;
  readonly tokens: Int32Array;
  readonly deepest: number;
}

function treeOf(spelt: readonly (readonly [id: number, bytes: Uint8Array])[]): Tree {
  // Texts whose characters are the bytes are compared by the engine itself.
  const keyed = spelt.map((one) => {
    let key = "";
    for (const byte of one[1]) key += String.fromCharCode(byte);
    return { key, one };
  });
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const order = keyed.map(({ one }) => one);
  const size = order.reduce((sum, [, bytes]) => sum + bytes.length, 1);
  const [byte, depth, skip] = [new Uint8Array(size), new Uint16Array(size), new Int32Array(size)];
  const from = new Int32Array(size + 1);
  const tokens = new Int32Array(order.length);
  const path: number[] = [];
  let [node, token] = [0, 0];
  let before: Uint8Array = new Uint8Array(0);
  for (const [id, bytes] of order) {
    let same = 0;
    while (same < before.length && same < bytes.length && before[same] === bytes[same]) same++;
    while (path.length > same) skip[path.pop()!] = node;
    for (let at = same; at < bytes.length; at++) {
      path.push(node);
      byte[node] = bytes[at]!;
      depth[node] = at;
      from[node] = token;
      node++;
    }
    tokens[token++] = id;
    before = bytes;
  }
  while (path.length > 0) skip[path.pop()!] = node;
  from[node] = token;
  return {
    byte: byte.subarray(0, node),
    depth,
    skip,
    from,
    tokens,
    deepest: order.reduce((most, [, bytes]) => Math.max(most, bytes.length), 0),
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How many bytes a character has, and each of them. */
function bytesOf(point: number): readonly number[] {
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 63)];
  if (point < 0x10000) return [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
  return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
}

/**
 * Characters that are tokens, or whose bytes are. One that only stands within tokens does not count: what begins with
 * the other characters of those could not be gone on with.
 */
function writableOf(spelt: readonly (readonly [id: number, bytes: Uint8Array])[]): Writable {
  const single = new Uint8Array(256);
  for (const [, bytes] of spelt) if (bytes.length === 1) single[bytes[0]!] = 1;
  const found: Range[] = [];
  // Characters that differ only in the last byte, 64 of them.
  const tails: Range[] = joined(
    Array.from({ length: 64 }, (_, i) => i).flatMap((i): Range[] => (single[0x80 | i] ? [[i, i]] : [])),
  );
  for (let point = 0; point < 0x80; point++) if (single[point]) found.push([point, point]);
  for (let block = 0x80; block <= 0x10ffff; block += 64) {
    const before = bytesOf(block).slice(0, -1);
    if (before.every((byte) => single[byte])) for (const [a, b] of tails) found.push([block + a, block + b]);
  }
  for (const [, bytes] of spelt) {
    const length = bytes[0]! < 0xc0 ? 1 : bytes[0]! < 0xe0 ? 2 : bytes[0]! < 0xf0 ? 3 : 4;
    if (bytes.length !== length) continue;
    try {
      const point = decoder.decode(bytes).codePointAt(0)!;
      found.push([point, point]);
    } catch {
      // Bytes of a part of a character.
    }
  }
  const ranges = joined(found);
  return others(ranges).length === 0 ? undefined : { ranges };
}

const longestToken = 4_000;
/** States whose tokens are kept: 6 KB each for 50,000 tokens. */
const maxMasks = 2_000;

/** @param size how many tokens the model chooses from: its scores may have more places than there are tokens */
export function vocabularyOf(codec: TokenBytes, size: number): Vocabulary {
  const spelt: [number, Uint8Array][] = [];
  for (let id = 0; id < size; id++) {
    const bytes = codec.bytes(id);
    if (bytes && bytes.length > 0 && bytes.length <= longestToken) spelt.push([id, bytes]);
  }
  if (spelt.length === 0) fail("unsupported", "this model's tokenizer does not say what text its tokens are");
  const tree = treeOf(spelt);
  const byId = new Map(spelt);
  const masked: State[] = [];
  return {
    size,
    writable: writableOf(spelt),
    dropsFirstSpace: codec.dropsFirstSpace,
    bytes: (id) => byId.get(id),
    differsFirst: codec.differsFirst,
    allowed(automaton, state) {
      if (state.mask) return state.mask;
      if (masked.length >= maxMasks) for (const one of masked.splice(0)) one.mask = undefined;
      masked.push(state);
      automaton.refill();
      const mask = new Int32Array((size + 31) >> 5);
      const states = new Array<State>(tree.deepest + 1);
      states[0] = state;
      const { byte, depth, skip, from, tokens } = tree;
      for (let node = 0; node < byte.length; ) {
        const at = depth[node]!;
        const here = states[at]!;
        const next = here.next[byte[node]!];
        const after = next === undefined ? automaton.advance(here, byte[node]!) : next;
        if (after === null) {
          node = skip[node]!;
          continue;
        }
        states[at + 1] = after;
        const end = from[node + 1]!;
        // Tokens of a node are noted where the next one begins.
        for (let i = from[node]!; i < end; i++) mask[tokens[i]! >> 5]! |= 1 << (tokens[i]! & 31);
        node++;
      }
      state.mask = mask;
      return mask;
    },
  };
}
