/** Books in a browser, whose own unpacker is used: what it gives is counted as it comes. */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { readZip } from "../../weights/torch/zip.ts";
import type { DocumentText } from "./document.ts";
import { bookDocument, limits } from "./epub.ts";

/** Members that hold no text of a book. */
const other = /\.(jpe?g|png|gif|svg|webp|css|js|ttf|otf|woff2?|mp3|m4a|mp4|pdf)$/i;

/** Exactly so many bytes. @throws corrupt_file */
async function inflated(packed: Uint8Array, wanted: number, name: string, where: string): Promise<Uint8Array> {
  const whole = new Uint8Array(wanted);
  let length = 0;
  const refuse = (cause?: unknown): never =>
    fail("corrupt_file", `${shown(name)} cannot be unpacked`, { where, ...(cause !== undefined && { cause }) });
  // A copy: a view of shared memory is no body.
  const stream = new Blob([packed.slice()]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (length + part.value.length > wanted) break;
      whole.set(part.value, length);
      length += part.value.length;
    }
  } catch (cause) {
    refuse(cause);
  } finally {
    await reader.cancel().catch(() => {});
  }
  return length === wanted ? whole : refuse();
}

/** @throws corrupt_file, unsupported: as Node's reader does */
export async function epubInPage(bytes: Uint8Array, where: string): Promise<DocumentText> {
  if (bytes.length > limits.file)
    fail("corrupt_file", `${bytes.length} bytes, at most ${limits.file} are read`, { where });
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const { entries } = readZip(read, bytes.length, where, { deflated: true });
  let room: number = limits.all;
  const members = new Map<string, Uint8Array>();
  for (const [name, { offset, length, unpacked, isLink }] of entries) {
    if (isLink || other.test(name)) continue;
    const wanted = unpacked ?? length;
    room -= wanted;
    if (wanted > limits.chapter || room < 0) {
      fail("corrupt_file", `${shown(name)} unpacks to ${wanted} bytes, more than are read of one book`, { where });
    }
    const packed = read(offset, length);
    members.set(name, unpacked === undefined ? packed : await inflated(packed, unpacked, name, where));
  }
  return bookDocument((name) => members.get(name), where);
}
