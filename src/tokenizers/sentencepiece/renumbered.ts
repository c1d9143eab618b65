/**
 * A SentencePiece file whose pieces have other ids than in the file: Pegasus moves them up, mBART follows fairseq, and
 * Marian has a vocabulary beside the file, with a second file for the text that is written.
 */
import { fail } from "../../errors.ts";
import { createSearch, isPythonSpace } from "../added.ts";
import type { AddedToken } from "../check.ts";
import { streamDecoder } from "../stream.ts";
import { tokenBytes } from "../token-bytes.ts";
import type { Encoded, EncodeOptions, Tokenizer } from "../tokenizer.ts";
import type { SentencePieces } from "./encode.ts";

/** How one side, what is read or what is written, makes pieces of a text and numbers of pieces. */
export interface Side {
  pieces(text: string): SentencePieces;
  /** The id of a piece that the file has under `own`. */
  idOf(piece: string, own: number): number;
}

export interface Renumbered {
  readonly source: Side;
  /** Of what is written, where it has pieces of its own. */
  readonly target?: Side;
  /** The piece of an id, of what is written. */
  pieceOf(id: number): string | undefined;
  tokenId(piece: string): number | undefined;
  readonly size: number;
  readonly added: readonly AddedToken[];
  /** Ids around a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** A begin of the text that is a token of its own, which nobody declares: its length, 0 for none. */
  readonly prefix?: (text: string) => number;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  readonly unknownId: number | undefined;
}

/** The tokenizer over the parts. */
export function renumberedTokenizer(parts: Renumbered): Tokenizer {
  const { source, target = source, pieceOf, added, before, after, prefix = () => 0 } = parts;
  const contents = new Map(added.map((token) => [token.content, token]));
  const special = added.filter((token) => token.special);
  const specialTokens = new Map(special.map((token) => [token.content, token.id]));
  const byId = new Map(added.map((token) => [token.id, token.content]));
  const split = createSearch(contents, isPythonSpace);
  const nameOf = (id: number): string => byId.get(id) ?? pieceOf(id) ?? "";

  function own(text: string, allowed: Pick<EncodeOptions, "allowSpecial" | "plain">, side: Side): SentencePieces {
    const { allowSpecial = true } = allowed;
    const out: SentencePieces = { ids: [], pieces: [], offsets: [] };
    const put = (id: number, piece: string, start: number, end: number): void => {
      out.ids.push(id);
      out.pieces.push(piece);
      out.offsets.push([start, end]);
    };
    for (const { start: from, end, token } of split(text, allowed)) {
      if (token) {
        put(token.id, token.content, from, end);
        continue;
      }
      const code = from === 0 && allowSpecial ? prefix(text.slice(0, end)) : 0;
      if (code > 0) put(side.idOf(text.slice(0, code), -1), text.slice(0, code), 0, code);
      const start = from + code;
      const made = side.pieces(text.slice(start, end));
      made.ids.forEach((id, i) => {
        const [a, b] = made.offsets[i]!;
        put(side.idOf(made.pieces[i]!, id), made.pieces[i]!, start + a, start + b);
      });
    }
    return out;
  }

  function encode(text: string, options: EncodeOptions = {}): Encoded {
    const { pair, addSpecialTokens = true, allowSpecial, plain, written = false } = options;
    const side = written ? target : source;
    const texts = [text, ...(pair === undefined ? [] : [pair])].map((one, which) =>
      own(one, { ...(allowSpecial !== undefined && { allowSpecial }), ...(which === 0 && plain && { plain }) }, side),
    );
    const around = (ids: readonly number[]) => (addSpecialTokens ? ids : []);
    const [first, last] = [around(before), around(after)];
    const frame = <T>(made: (ids: readonly number[]) => T[], all: readonly T[]) => [
      ...made(first),
      ...all,
      ...made(last),
    ];
    const nowhere = (ids: readonly number[]) => ids.map((): [number, number] => [0, 0]);
    const ids = frame(
      (some) => [...some],
      texts.flatMap((one) => one.ids),
    );
    return {
      ids,
      pieces: frame(
        (some) => some.map(nameOf),
        texts.flatMap((one) => one.pieces),
      ),
      offsets: frame(
        nowhere,
        texts.flatMap((one) => one.offsets as [number, number][]),
      ),
      typeIds: ids.map(() => 0),
      sequences: frame<0 | 1 | undefined>(
        (some) => some.map(() => undefined),
        texts.flatMap((one, which) => one.ids.map(() => (which === 0 ? 0 : 1))),
      ),
    };
  }

  function decode(ids: readonly number[], skipSpecialTokens: boolean, start = true): string {
    let text = "";
    for (const id of ids) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      const content = byId.get(id);
      if (content === undefined) text += (pieceOf(id) ?? "").replaceAll("▁", " ");
      else if (!(skipSpecialTokens && specialTokens.has(content)))
        text += `${text === "" && start ? "" : " "}${content}`;
    }
    return start && text.startsWith(" ") ? text.slice(1) : text;
  }

  return {
    encode,
    decode: (ids, { skipSpecialTokens = false } = {}) => decode(ids, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) =>
      streamDecoder((ids, start) => decode(ids, skipSpecialTokens, start)),
    tokenBytes: () =>
      tokenBytes({ type: "Metaspace" }, (id) =>
        byId.has(id) || id === parts.unknownId || id === parts.eosId || id === parts.padId ? undefined : pieceOf(id),
      ),
    vocabularySize: parts.size,
    tokenId: (piece) => contents.get(piece)?.id ?? parts.tokenId(piece),
    piece: (id) => byId.get(id) ?? pieceOf(id),
    specialTokens,
    named: new Map(
      [
        ["eos_token", parts.eosId] as const,
        ["pad_token", parts.padId] as const,
        ["unk_token", parts.unknownId] as const,
      ].flatMap(([name, id]) => (id === undefined ? [] : [[name, nameOf(id)] as const])),
    ),
    eosId: parts.eosId,
    padId: parts.padId,
    unknownId: parts.unknownId,
  };
}
