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

export interface Listing {
  readonly commit: string;
  readonly files: readonly RemoteFile[];
  /** Names that no disk should be given; such files are never fetched. */
  readonly refused: readonly string[];
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

function remoteFile(entry: JsonObject, name: string, where: string): RemoteFile {
  const lfs = isJsonObject(entry.lfs) ? entry.lfs : undefined;
  const bytes = lfs ? lfs.size : entry.size;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) {
    fail("corrupt_file", `${shown(name)} has no size`, { where });
  }
  const etag = lfs ? (lfs.sha256 ?? lfs.oid) : entry.blobId;
  if (typeof etag !== "string" || !(lfs ? sha256 : sha1).test(etag)) {
    fail("corrupt_file", `${shown(name)} has no hash to check it by`, {
      where,
      hint: "this server does not speak the hub's protocol; unset HF_ENDPOINT or choose another mirror",
    });
  }
  return { name, bytes, etag, hash: lfs ? "sha256" : "git-sha1" };
}

/**
 * Read the answer of `/api/models/{repo}/revision/{revision}?blobs=true`, or of a data set's.
 * @throws corrupt_file when it is not such an answer, or lists one name twice with different content
 */
export function parseListing(answer: JsonObject, where: string): Listing {
  const { sha, siblings } = answer;
  if (typeof sha !== "string" || !sha1.test(sha)) {
    fail("corrupt_file", `sha must be a commit, got ${typeof sha === "string" ? shown(sha) : jsonKind(sha)}`, {
      where,
    });
  }
  if (!Array.isArray(siblings)) fail("corrupt_file", `siblings must be an array, got ${jsonKind(siblings)}`, { where });
  const files = new Map<string, RemoteFile>();
  const refused: string[] = [];
  for (const entry of siblings as unknown[]) {
    const name = isJsonObject(entry) ? entry.rfilename : undefined;
    if (!isJsonObject(entry) || typeof name !== "string") fail("corrupt_file", "a file without a name", { where });
    if (!isSafeFilePath(name)) {
      refused.push(name);
      continue;
    }
    const file = remoteFile(entry, name, where);
    // A disk that ignores case would give both one file.
    const key = name.toLowerCase();
    if (files.has(key) && files.get(key)!.etag !== file.etag) {
      fail("corrupt_file", `${shown(name)} is listed twice`, { where });
    }
    files.set(key, file);
  }
  return { commit: sha, files: [...files.values()], refused };
}
