/** What a hub says a repository holds. Nothing of it is believed before it has been looked at here. */

import { isJsonObject, type JsonObject, jsonKind, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { isPlainFileName } from "../names.ts";

/** One file of a repository at one commit. */
export interface RemoteFile {
  /** Relative, with forward slashes; every part is safe on a disk. */
  readonly name: string;
  readonly bytes: number;
  /** Name of its blob in the cache: the SHA-256 of a large file, the git hash of a small one. */
  readonly etag: string;
  readonly hash: "sha256" | "git-sha1";
}

/** A file that is listed and cannot be fetched; an error only for who wants it. */
export interface RefusedFile {
  readonly name: string;
  readonly why: string;
  readonly hint?: string;
}

export interface Listing {
  readonly commit: string;
  /** In the order of the listing, no name twice. */
  readonly files: readonly RemoteFile[];
  readonly refused: readonly RefusedFile[];
}

const sha1 = /^[0-9a-f]{40}$/;
const sha256 = /^[0-9a-f]{64}$/;
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Whether a name from a server may become a path below a folder: no way up or out, nothing a system treats specially. */
export function isSafeFilePath(name: string): boolean {
  if (name.length === 0 || name.length > 512) return false;
  const parts = name.split("/");
  return parts.length <= 16 && parts.every((part) => isPlainFileName(part) || isQuietName(part));
}

/** Names a repository may well have that are not plain: spaces, brackets, other alphabets, a leading dot. */
function isQuietName(part: string): boolean {
  return (
    /^(?!\.{1,2}$)[\p{L}\p{N}._ ()[\],+=@#&'~-]+$/u.test(part) &&
    part === part.normalize("NFC") &&
    !/^ |[. ]$/.test(part) &&
    !device.test(part) &&
    new TextEncoder().encode(part).length <= 200
  );
}

/** One entry of the listing, as a file or with why it cannot be one. */
function readEntry(entry: JsonObject, name: string): RemoteFile | RefusedFile {
  if (!isSafeFilePath(name)) return { name, why: "is not a name for a file on this disk" };
  const lfs = isJsonObject(entry.lfs) ? entry.lfs : undefined;
  const bytes = lfs ? lfs.size : entry.size;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) {
    return { name, why: `is listed without a size (${typeof bytes === "number" ? bytes : jsonKind(bytes)})` };
  }
  const etag = lfs ? (lfs.sha256 ?? lfs.oid) : entry.blobId;
  if (typeof etag !== "string" || !(lfs ? sha256 : sha1).test(etag)) {
    return {
      name,
      why: "is listed without a hash to check it by",
      hint: "this server does not speak the hub's protocol; unset HF_ENDPOINT or choose another mirror",
    };
  }
  return { name, bytes, etag, hash: lfs ? "sha256" : "git-sha1" };
}

/**
 * Read the answer of `/api/models/{repo}/revision/{revision}?blobs=true`, or of a data set's. A file that cannot be
 * fetched is no error here: nobody may want it.
 * @throws corrupt_file when it is not such an answer
 */
export function parseListing(answer: JsonObject, where: string): Listing {
  const { sha, siblings } = answer;
  if (typeof sha !== "string" || !sha1.test(sha)) {
    fail("corrupt_file", `sha must be a commit, got ${typeof sha === "string" ? shown(sha) : jsonKind(sha)}`, {
      where,
    });
  }
  if (!Array.isArray(siblings)) fail("corrupt_file", `siblings must be an array, got ${jsonKind(siblings)}`, { where });
  const entries = new Map<string, RemoteFile | RefusedFile>();
  for (const entry of siblings as unknown[]) {
    const name = isJsonObject(entry) ? entry.rfilename : undefined;
    if (!isJsonObject(entry) || typeof name !== "string") fail("corrupt_file", "a file without a name", { where });
    const read = readEntry(entry, name);
    const before = entries.get(name);
    const same =
      !before || ("etag" in before && "etag" in read && before.etag === read.etag && before.bytes === read.bytes);
    entries.set(name, same || "why" in read ? read : { name, why: "is listed twice with different content" });
  }
  const files: RemoteFile[] = [];
  const refused: RefusedFile[] = [];
  for (const entry of entries.values()) {
    if ("why" in entry) refused.push(entry);
    else files.push(entry);
  }
  return { commit: sha, files, refused };
}
