/** Zip and gzip files: every member is looked at as a file of its own, and so is what is packed in that. */
import { basename } from "node:path";
import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { shown } from "../base/json.ts";
import { readZip, type Zip, type ZipEntry } from "../weights/torch/zip.ts";
import {
  type Content,
  contentOf,
  type Finding,
  hints,
  largest,
  reading,
  safe,
  unknown,
  unsafe,
  worst,
} from "./findings.ts";
import { lookAtPickle, openTorchContent } from "./pickles-node.ts";

/** Where in archives within archives one is, and what may still be unpacked of the file they are in. */
export interface Nesting {
  readonly depth: number;
  readonly room: { bytes: number };
}

export const outermost = (): Nesting => ({ depth: 0, room: { bytes: 4 * largest } });

/** Look at a content by its name and its first bytes. */
export type Look = (content: Content, nesting: Nesting) => Finding;

const mostDepth = 3;

/** Unpack at most so many bytes; undefined for damage and for what would be more. */
function unpack(run: (most: number) => Uint8Array, most: number): Uint8Array | undefined {
  try {
    return run(Math.max(1, most));
  } catch {
    return undefined;
  }
}

function member(content: Content, name: string, where: string, entry: ZipEntry, nesting: Nesting, look: Look): Finding {
  if (entry.isLink) return unsafe(hints.refused, `a symbolic link, which can lead out of where it is unpacked`);
  if (name.endsWith("/") && entry.length === 0) return safe;
  const { offset, length, unpacked } = entry;
  if (unpacked === undefined) {
    const read = (at: number, count: number) => content.read(offset + at, Math.max(0, Math.min(count, length - at)));
    return look({ name: where, title: basename(name), size: length, read }, nesting);
  }
  if (unpacked > Math.min(largest, nesting.room.bytes) || length > largest) {
    return unknown(hints.archive, `${unpacked} bytes when unpacked, which is too much to look at`);
  }
  nesting.room.bytes -= unpacked;
  const packed = content.read(offset, length);
  const bytes = unpack((most) => inflateRawSync(packed, { maxOutputLength: most }), unpacked);
  if (bytes?.length !== unpacked) return unsafe(hints.refused, `is not ${unpacked} bytes when unpacked`);
  return look(contentOf(where, basename(name), bytes), nesting);
}

/** Bytes between the members are read by no program that reads the members; others may be meant to read them. */
const looseIn = (content: Content, loose: number): Finding =>
  loose === 0 ? safe : unknown(hints.loose, `${content.name}: ${loose} bytes that belong to no member`);

function members(content: Content, entries: Zip["entries"], nesting: Nesting, look: Look): Finding[] {
  if (nesting.depth >= mostDepth) {
    return [unknown(hints.archive, `${content.name}: archives nested more than ${mostDepth} deep`)];
  }
  const inner = { ...nesting, depth: nesting.depth + 1 };
  return [...entries].map(([name, entry]) => {
    const where = `${content.name}, member ${shown(name)}`;
    const found = member(content, name, where, entry, inner, look);
    // Readers name the file by themselves, others do not.
    const findings = found.findings.map((what) => (what.startsWith(where) ? what : `${where}: ${what}`));
    return { ...found, findings };
  });
}

/** Any zip file: as bad as the worst of its members. */
export function lookAtZip(content: Content, nesting: Nesting, look: Look): Finding {
  let zip: Zip | undefined;
  const looked = reading(() => {
    zip = readZip(content.read, content.size, content.name, { deflated: true });
  });
  if (!zip) return looked;
  if (zip.entries.size === 0) return unknown(hints.archive, `${content.name}: an archive that holds nothing`);
  if ([...zip.entries.keys()].some((name) => basename(name) === "data.pkl"))
    return lookAtTorchZip(content, nesting, look);
  return worst([...members(content, zip.entries, nesting, look), looseIn(content, zip.loose)]);
}

/** A zip file of torch's: its tensors by our own reader, whatever else is in it member by member. */
export function lookAtTorchZip(content: Content, nesting: Nesting, look: Look): Finding {
  const { file, finding } = openTorchContent(content);
  if (!file) return finding;
  return worst([finding, ...members(content, file.unexplained, nesting, look), looseIn(content, file.loose)]);
}

/** gzip, or zlib as joblib writes it: never safe, as a reader may be told to expect anything in it. */
export function lookAtGzip(content: Content, nesting: Nesting, look: Look): Finding {
  const cannot = unknown(hints.archive, `${content.name}: a compressed file`);
  if (nesting.depth >= mostDepth || content.size > largest) return cannot;
  const packed = content.read(0, content.size);
  const most = Math.min(largest, nesting.room.bytes);
  const inflate = packed[0] === 0x1f ? gunzipSync : inflateSync;
  const bytes = unpack((length) => inflate(packed, { maxOutputLength: length }), most);
  if (!bytes) return cannot;
  nesting.room.bytes -= bytes.length;
  const title = content.title.replace(/\.(gz|gzip|z)$/i, "");
  const found = look(contentOf(content.name, title, bytes), { ...nesting, depth: nesting.depth + 1 });
  return found.verdict === "unsafe" ? found : cannot;
}

/** A file called as pickles are whose first bytes may be those of a compressed one, as joblib makes it, or of a plain. */
export const lookAtPacked: typeof lookAtGzip = (content, nesting, look) =>
  worst([lookAtGzip(content, nesting, look), lookAtPickle(content)]);

/** Whether these first bytes begin a zlib stream: method, window, and a check sum over both. */
export const beginsZlib = (head: Uint8Array): boolean =>
  head.length > 2 && (head[0]! & 15) === 8 && head[0]! >> 4 <= 7 && (head[0]! * 256 + head[1]!) % 31 === 0;
