/**
 * GGUF files: nothing in them is run by a program that reads the format, but the chat template, which is a program for a
 * template engine; and what lies between the tensors is read by nobody.
 */
import { type GgufHeader, readGgufHeader } from "../weights/gguf/header.ts";
import { type Content, type Finding, hints, reading, safe, unknown, unsafe, worst } from "./findings.ts";
import { inTemplate } from "./json.ts";

/** Bytes that belong to no tensor, beyond those that place the next one. */
function looseIn({ tensors, dataStart }: GgufHeader, size: number): number {
  const most = 1 << 16;
  let [end, loose] = [dataStart, 0];
  for (const { offset, length } of [...tensors.values()].sort((a, b) => a.offset - b.offset)) {
    loose += Math.max(0, offset - end);
    end = Math.max(end, offset + length);
  }
  loose += Math.max(0, size - end);
  return loose > Math.min(most, 256 * (tensors.size + 1)) ? loose : 0;
}

export function lookAtGguf(content: Content): Finding {
  const { name, size, read } = content;
  let header: GgufHeader | undefined;
  const looked = reading(() => {
    header = readGgufHeader(read, size, name);
  });
  if (!header) return looked;
  const templates = [...header.metadata].flatMap(([key, value]) =>
    key.startsWith("tokenizer.chat_template") && typeof value === "string" ? inTemplate(value) : [],
  );
  const loose = looseIn(header, size);
  return worst([
    templates.length > 0 ? unsafe("use its chat template in no program that does not sandbox it", ...templates) : safe,
    loose > 0 ? unknown(hints.loose, `${name}: ${loose} bytes that belong to no tensor`) : safe,
  ]);
}
