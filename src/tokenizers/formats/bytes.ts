/** ByT5's tokenizer (https://arxiv.org/abs/2105.13626), which has no file: an id is a byte of UTF-8 and three. */
import { isJsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { createSearch, isPythonSpace } from "../added.ts";
import type { AddedToken } from "../check.ts";
import { streamDecoder } from "../stream.ts";
import type { Encoded, EncodeOptions, Tokenizer } from "../tokenizer.ts";
import { declarationsOf, namedToken, namedTokens, type Settings, settingOf } from "./declared.ts";

const offset = 3;
const first = offset + 256;
const named = [
  ["pad_token", "<pad>"],
  ["eos_token", "</s>"],
  ["unk_token", "<unk>"],
] as const;
const maxExtra = 100_000;

function collectAdded(settings: Settings): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const plain = { special: true, normalized: false, lstrip: false, rstrip: false, singleWord: false };
  for (const [id, [key, usual]] of named.entries()) {
    const given = settingOf(settings, key);
    // Given as a text, it takes the spaces on both sides.
    const flags = isJsonObject(given) ? given : { lstrip: true, rstrip: true };
    const content = namedToken(settings, key) ?? usual;
    tokens.set(content, { ...plain, content, id, lstrip: flags.lstrip === true, rstrip: flags.rstrip === true });
  }
  const { extra_ids: extra = 125 } = settings.config ?? {};
  if (!Number.isSafeInteger(extra) || (extra as number) < 0 || (extra as number) > maxExtra) {
    fail("corrupt_file", `extra_ids must be a count up to ${maxExtra}, got ${shown(String(extra))}`, {
      where: "tokenizer_config.json",
    });
  }
  const { numbered, special } = declarationsOf(settings);
  for (const [id, token] of numbered) if (!tokens.has(token.content)) tokens.set(token.content, { ...token, id });
  let next = first;
  for (const { id } of tokens.values()) next = Math.max(next, id + 1);
  const sentinels = Array.from({ length: extra as number }, (_, i) => `<extra_id_${i}>`);
  const more = special.some(({ content }) => content.includes("extra_id"))
    ? special
    : [...sentinels.map((content) => ({ ...plain, content })), ...special];
  for (const token of more) if (!tokens.has(token.content)) tokens.set(token.content, { ...token, id: next++ });
  return [...tokens.values()];
}

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, those that are none left out. */
function fromBytes(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    try {
      if (length > 0) text += strict.decode(Uint8Array.from(bytes.slice(at, at + length)));
      at += Math.max(1, length);
    } catch {
      at++;
    }
  }
  return text;
}

/** @throws corrupt_file for settings that are none */
export function createByteTokenizer(settings: Settings = {}): Tokenizer {
  const tokens = collectAdded(settings);
  const contents = new Map(tokens.map((token) => [token.content, token]));
  const byId = new Map(tokens.map((token) => [token.id, token.content]));
  const specialTokens = new Map(tokens.filter((token) => token.special).map((token) => [token.content, token.id]));
  const specialIds = new Set(specialTokens.values());
  const search = createSearch(contents, isPythonSpace);
  const eos = byId.get(1)!;

  const part = (text: string, options: EncodeOptions) => {
    const { addSpecialTokens = true } = options;
    const ids: number[] = [];
    const pieces: string[] = [];
    const offsets: [number, number][] = [];
    const put = (id: number, piece: string, start: number, end: number): void => {
      ids.push(id);
      pieces.push(piece);
      offsets.push([start, end]);
    };
    for (const { start, end, token } of search(text, options)) {
      if (token) put(token.id, token.content, start, end);
      for (let i = start; !token && i < end; ) {
        const units = text.codePointAt(i)! > 0xffff ? 2 : 1;
        for (const byte of encoder.encode(text.slice(i, i + units))) {
          put(byte + offset, String.fromCharCode(byte), i, i + units);
        }
        i += units;
      }
    }
    const own = ids.length;
    if (addSpecialTokens && ids.at(-1) !== 1) put(1, eos, 0, 0);
    return { ids, pieces, offsets, own };
  };

  const decode = (list: readonly number[], skipSpecialTokens: boolean): string => {
    let text = "";
    let bytes: number[] = [];
    const flush = (): void => {
      text += fromBytes(bytes);
      bytes = [];
    };
    for (const id of list) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      if (skipSpecialTokens && specialIds.has(id)) continue;
      const content = byId.get(id);
      if (content === undefined) {
        if (id < first) bytes.push(id - offset);
      } else {
        flush();
        text += content;
      }
    }
    flush();
    return text;
  };

  return {
    encode(text, options = {}): Encoded {
      const parts = [text, ...(options.pair === undefined ? [] : [options.pair])].map((one, which) =>
        part(one, which === 0 ? options : { ...options, plain: [] }),
      );
      return {
        ids: parts.flatMap(({ ids }) => ids),
        pieces: parts.flatMap(({ pieces }) => pieces),
        offsets: parts.flatMap(({ offsets }) => offsets),
        typeIds: parts.flatMap(({ ids }) => ids.map(() => 0)),
        sequences: parts.flatMap(({ ids, own }, which) =>
          ids.map((_, i): 0 | 1 | undefined => (i >= own ? undefined : which === 0 ? 0 : 1)),
        ),
      };
    },
    decode: (list, { skipSpecialTokens = false } = {}) => decode(list, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) => streamDecoder((list) => decode(list, skipSpecialTokens)),
    tokenBytes: () => ({
      bytes(id) {
        const content = byId.get(id);
        if (content !== undefined) return specialIds.has(id) ? undefined : encoder.encode(content);
        return id >= offset && id < first ? Uint8Array.of(id - offset) : undefined;
      },
      dropsFirstSpace: false,
      differsFirst: () => false,
    }),
    vocabularySize: tokens.reduce((most, { id }) => Math.max(most, id + 1), first),
    tokenId(piece) {
      const byte = piece.length === 1 ? piece.charCodeAt(0) : 256;
      return contents.get(piece)?.id ?? (byte < 256 ? byte + offset : undefined);
    },
    piece: (id) => byId.get(id) ?? (id >= offset && id < first ? String.fromCharCode(id - offset) : undefined),
    specialTokens,
    named: namedTokens(settings),
    eosId: 1,
    padId: 0,
    unknownId: 2,
  };
}
