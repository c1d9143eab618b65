/** One file from a hub into a draft: resumed where it broke off, checked byte for byte by its hash. */
import { shown } from "../../base/json.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import { readBody } from "./body.ts";
import { byteCount, contentRange, plainEtag } from "./headers.ts";
import { type Answer, type Connection, request } from "./http.ts";
import type { RemoteFile } from "./listing.ts";
import { type Asked, refusal } from "./refusal.ts";
import { type RetryOptions, retrying, Temporary } from "./retry.ts";

/** The bytes that are here so far; outlives the process that wrote them. */
export interface Draft {
  size(): Promise<number>;
  clear(): Promise<void>;
  /** Write at a place. */
  write(at: number, piece: Uint8Array): Promise<void>;
  /** The first `length` bytes. */
  read(length: number): AsyncIterable<Uint8Array>;
}

export interface Hash {
  update(piece: Uint8Array): void;
  /** Hexadecimal. */
  digest(): string;
}

export interface TransferOptions extends Connection, RetryOptions {
  /** The hash a file is named by: SHA-256, or git's of `blob <bytes>\0` and the content. */
  readonly createHash: (file: RemoteFile) => Hash;
  /** Milliseconds. */
  readonly now: () => number;
  /** Told how many more bytes are here: from the network or found in the draft; fewer when one starts again. */
  readonly onBytes?: (bytes: number, from: "network" | "draft") => void;
  /** Bytes a second below which, over six time limits, a connection counts as dead. Default 512. */
  readonly slowest?: number;
}

/** Times a file is begun anew after its server has sent what cannot belong to it; then the server is given up. */
const mostRestarts = 3;

const said = (text: string | null): string => (text === null ? "nothing" : shown(text));

/**
 * Fetch one file. On return the draft holds exactly the file, its hash checked.
 *
 * Bounds: requests end after `times.tries` failures in a row without `times.worthwhile` bytes that were not here before
 * ({@link retrying}; bytes of which something proved wrong count anew), or after {@link mostRestarts} answers of something else; a body ends at its announced end, or as
 * {@link readBody} says.
 * @throws not_found when the server does not give it; corrupt_file when it keeps giving something else; interrupted
 */
export async function transfer(
  address: string,
  file: RemoteFile,
  asked: Asked,
  draft: Draft,
  options: TransferOptions,
): Promise<void> {
  const { signal, settings, onBytes = () => {}, slowest = 512, now, clock, createHash } = options;
  const { timeout } = settings;
  const where = `${asked.repo}/${file.name}`;
  let hash = createHash(file);
  let at = 0;
  /** The most that was here at once since the last restart: bytes that come a second time are no progress. */
  let furthest = 0;
  /** The same of what came before restarts. */
  let lost = 0;
  let restarts = 0;
  /** The server has answered with the whole where the rest was asked for. */
  let withoutRanges = false;
  /** The store's own name for these bytes; a resumed answer must still bear it. */
  let validator: string | undefined;

  const again = (what: string, hint = "try again later; what is here already is kept") =>
    new Temporary(what, {
      where,
      hint: withoutRanges
        ? "this server begins anew each time; another mirror (HF_ENDPOINT) may go on where it broke off"
        : hint,
    });
  const startOver = async () => {
    onBytes(-at, "network");
    hash = createHash(file);
    at = 0;
    validator = undefined;
    await draft.clear();
  };
  /** Begin anew after the server has given what cannot belong to the file. */
  const restart = async (what: string): Promise<Temporary> => {
    if (++restarts > mostRestarts) {
      fail("corrupt_file", `the server keeps sending something else: ${what}`, {
        where,
        hint: "nothing of it was kept; try another mirror (HF_ENDPOINT), or later",
      });
    }
    await startOver();
    [lost, furthest] = [lost + furthest, 0];
    return again(what);
  };

  /** Whether the answer goes on where we are; a whole file instead of the rest is taken from its beginning. */
  const begin = async (answer: Answer): Promise<number> => {
    const { response, first } = answer;
    const { status, headers } = response;
    const linked = plainEtag(first.get("x-linked-etag") ?? first.get("etag"));
    if (linked && linked.length === file.etag.length && /^[0-9a-f]+$/.test(linked) && linked !== file.etag) {
      throw await restart("it has another hash than the one that was listed");
    }
    const size = first.get("x-linked-size");
    if (size !== null && byteCount(size) !== file.bytes) {
      throw await restart(`${file.bytes} bytes were listed, the hub now says ${said(size)}`);
    }
    const etag = headers.get("etag") ?? undefined;
    const changed = at > 0 && status === 206 && validator !== undefined && etag !== validator;
    if (changed) throw await restart("it changed while it was fetched");
    validator = etag?.startsWith("W/") ? undefined : etag;
    let end = file.bytes;
    if (status === 206) {
      const text = headers.get("content-range");
      const range = contentRange(text);
      const fits = range && range.from === at && range.end <= file.bytes;
      if (!fits || (range.total !== undefined && range.total !== file.bytes)) {
        throw await restart(`asked for bytes from ${at} of ${file.bytes}, got ${said(text)} as their range`);
      }
      ({ end } = range);
    } else if (at > 0) {
      withoutRanges = true;
      await startOver();
    }
    const length = headers.get("content-encoding") ? null : headers.get("content-length");
    if (length !== null && byteCount(length) !== end - at) {
      throw await restart(`${end - at} bytes were to come, the server announces ${said(length)}`);
    }
    return end;
  };

  const receive = async (answer: Answer): Promise<void> => {
    const end = await begin(answer);
    const broke = await readBody(answer, { timeout, slowest, now }, async (piece) => {
      throwIfAborted(signal);
      if (at + piece.length > end) throw await restart(`more than the listed ${file.bytes} bytes came`);
      await draft.write(at, piece);
      hash.update(piece);
      at += piece.length;
      furthest = Math.max(furthest, at);
      onBytes(piece.length, "network");
    });
    throwIfAborted(signal);
    const place = `after ${at} of ${file.bytes} bytes`;
    if (broke) throw again(`the connection broke ${place}: ${broke.words}`, broke.hint);
    if (at < file.bytes) throw again(`the connection ended ${place}`);
  };

  const found = await draft.size();
  if (found > file.bytes) await draft.clear();
  else {
    for await (const piece of draft.read(found)) {
      throwIfAborted(signal);
      hash.update(piece);
      at += piece.length;
      onBytes(piece.length, "draft");
    }
  }
  furthest = at;
  const brought = () => `${furthest} of ${file.bytes} bytes came`;
  await retrying({ ...options, gained: () => lost + furthest, brought }, async () => {
    if (at < file.bytes) {
      const range = at > 0 ? { range: `bytes=${at}-`, ...(validator ? { "if-range": validator } : {}) } : {};
      const answer = await request(options, address, { "accept-encoding": "identity", ...range }, signal);
      try {
        const { status } = answer.response;
        if (status === 416) throw await restart(`the server has no bytes from ${at} on`);
        if (status !== 200 && status !== 206) throw refusal(answer, asked, clock());
        await receive(answer);
      } finally {
        answer.close();
      }
    }
    const got = hash.digest();
    if (got !== file.etag) throw await restart(`its ${file.hash} is ${got}, listed was ${file.etag}`);
  });
}
