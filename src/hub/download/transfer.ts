/** One file from a hub into a draft: resumed where it broke off, checked byte for byte by its hash. */
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { type Answer, type Asked, type Connection, refusal, request } from "./http.ts";
import type { RemoteFile } from "./listing.ts";
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

/** Times a file is begun anew before its server is given up. */
const mostRestarts = 3;

/** `W/"abc"` and `"abc"` to `abc`. */
const plainEtag = (text: string | null): string | undefined => text?.replace(/^W\//, "").replace(/^"|"$/g, "");

/** End a connection that gives nothing, or next to nothing; `late` says so. */
function watch(answer: Answer, timeout: number, slowest: number, now: () => number) {
  const watched = { late: "", seen, done: () => clearTimeout(timer) };
  const cut = (why: string) => {
    watched.late = why;
    answer.close();
  };
  const begin = () => setTimeout(() => cut(`no byte came for ${timeout / 1000} s`), timeout);
  const timer = begin();
  let [since, bytes] = [now(), 0];
  function seen(count: number) {
    timer.refresh();
    bytes += count;
    const passed = now() - since;
    if (passed < timeout * 6) return;
    if (bytes < (slowest * passed) / 1000) cut(`only ${bytes} bytes came in ${Math.round(passed / 1000)} s`);
    [since, bytes] = [now(), 0];
  }
  return watched;
}

/**
 * Fetch one file. On return the draft holds exactly the file, its hash checked.
 * @throws not_found when the server does not give it; corrupt_file when it keeps giving something else; interrupted
 */
export async function transfer(
  address: string,
  file: RemoteFile,
  asked: Asked,
  draft: Draft,
  options: TransferOptions,
): Promise<void> {
  const { signal, settings, onBytes = () => {}, slowest = 512, now, createHash } = options;
  const where = `${asked.repo}/${file.name}`;
  let hash = createHash(file);
  let at = 0;
  let received = 0;
  let restarts = 0;
  /** The store's own name for these bytes; a resumed answer must still bear it. */
  let validator: string | undefined;

  const again = (what: string) => new Temporary(new ZerothError("not_found", what, { where, hint: "try again later" }));
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
    const etag = headers.get("etag") ?? undefined;
    const changed = at > 0 && status === 206 && validator !== undefined && etag !== validator;
    if (changed) throw await restart("it changed while it was fetched");
    validator = etag?.startsWith("W/") ? undefined : etag;
    let end = file.bytes;
    if (status === 206) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
      const [from, to, total] = [Number(range?.[1]), Number(range?.[2]) + 1, range?.[3]];
      if (!range || from !== at || to > file.bytes || (total !== "*" && Number(total) !== file.bytes)) {
        throw await restart(`asked for bytes from ${at} of ${file.bytes}, got ${headers.get("content-range")}`);
      }
      end = to;
    } else if (at > 0) await startOver();
    const length = headers.get("content-encoding") ? null : headers.get("content-length");
    if (length !== null && Number(length) !== end - at) {
      throw await restart(`${end - at} bytes were to come, the server announces ${length}`);
    }
    return end;
  };

  const receive = async (answer: Answer): Promise<void> => {
    const end = await begin(answer);
    const reader = answer.response.body?.getReader();
    const watched = watch(answer, settings.timeout, slowest, now);
    try {
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        const piece = part.value as Uint8Array;
        if (at + piece.length > end) throw await restart(`more than the listed ${file.bytes} bytes came`);
        await draft.write(at, piece);
        hash.update(piece);
        at += piece.length;
        received += piece.length;
        onBytes(piece.length, "network");
        watched.seen(piece.length);
      }
    } catch (cause) {
      throwIfAborted(signal);
      if (cause instanceof Temporary || cause instanceof ZerothError) throw cause;
      const code = ((cause as Error).cause as { code?: string } | undefined)?.code;
      throw again(watched.late || `the connection broke after ${at} of ${file.bytes} bytes${code ? ` (${code})` : ""}`);
    } finally {
      watched.done();
    }
    if (at < file.bytes) throw again(watched.late || `the connection ended after ${at} of ${file.bytes} bytes`);
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
  await retrying({ ...options, gained: () => received }, async () => {
    if (at < file.bytes) {
      const range = at > 0 ? { range: `bytes=${at}-`, ...(validator ? { "if-range": validator } : {}) } : {};
      const answer = await request(options, address, { "accept-encoding": "identity", ...range }, signal);
      try {
        const { status } = answer.response;
        if (status === 416) throw await restart(`the server has no bytes from ${at} on`);
        if (status !== 200 && status !== 206) throw refusal(answer, asked, now());
        await receive(answer);
      } finally {
        answer.close();
      }
    }
    const got = hash.digest();
    if (got !== file.etag) throw await restart(`its ${file.hash} is ${got}, listed was ${file.etag}`);
  });
}
