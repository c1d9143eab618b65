/** `zeroth summarize show`, `trace`, `text`, `export`, `verify`: what is there already; no model is opened. */
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { exported } from "../../summarize/export/export.ts";
import { placeOf } from "../../summarize/export/places.ts";
import { needNode } from "../../summarize/run/run.ts";
import { viewOf } from "../../summarize/run/state.ts";
import { readState } from "../../summarize/run/state-node.ts";
import { verifyRun } from "../../summarize/run/verify-node.ts";
import type { Call } from "./open.ts";

type Look = (folder: string, call: Call) => Promise<number> | number;

const show: Look = (folder, { flags, output }) => {
  const { nodes } = viewOf(readState(folder));
  for (const { node, text, state, flags: marks } of nodes) {
    const { id, height, depth, parent, span, heading } = node;
    if (flags.depth !== undefined && depth > flags.depth) continue;
    output.row({
      node: id,
      height,
      parent: parent ?? null,
      ...span,
      text: text ?? null,
      state,
      flags: marks,
      ...(heading && { heading }),
    });
    const told = [state === "done" ? "" : state, ...marks].filter(Boolean).join(", ");
    const indent = "  ".repeat(depth);
    const head = `${indent}${output.bold(id)}${heading ? ` ${heading}` : ""} ${output.dim(`${span.start}–${span.end}${told ? `  ${told}` : ""}`)}`;
    output.text(`${head}\n`);
    if (text) output.answer(`${text.replace(/^/gm, indent)}\n`);
  }
  return 0;
};

const trace: Look = (folder, { flags, output }) => {
  const state = readState(folder);
  const { provenance, root } = viewOf(state);
  const id = flags.node ?? root.node.id;
  needNode(state, id);
  const summary = state.known.get(id)?.text;
  if (summary === undefined)
    fail("bad_input", `${id} has no summary yet`, { where: folder, hint: "zeroth summarize resume goes on" });
  const sentences = provenance.sentences(id);
  const { sentence: wanted } = flags;
  if (wanted !== undefined && !(wanted >= 1 && wanted <= sentences.length)) {
    fail("not_found", `there is no sentence ${wanted}`, {
      where: id,
      hint: `it has ${sentences.length}, counted from 1`,
    });
  }
  sentences.forEach(({ span, support }, i) => {
    if (wanted !== undefined && i + 1 !== wanted) return;
    const sources = provenance.sources(id, i);
    const spans = sources.map(({ span: { start, end }, score, path }) => ({
      ...{ start, end, text: state.book.text.slice(start, end), score: Number(score.toFixed(4)), path },
      ...placeOf(state.book, start),
    }));
    const text = summary.slice(span.start, span.end);
    output.row({ sentence: i + 1, text, spans, supported: spans.length > 0, support: Number(support.toFixed(4)) });
    output.answer(`${i + 1}. ${text}\n`);
    if (spans.length === 0) output.text(`   ${output.dim("unsupported: nothing in the book was found for it")}\n`);
    for (const one of spans) {
      const place = [one.heading, one.page && `page ${one.page}`, `${one.start}–${one.end}`, one.score.toFixed(2)]
        .filter(Boolean)
        .join(", ");
      output.text(`   ${output.dim(`${place}  ${one.path.join(" → ")}`)}\n`);
      output.answer(`   “${one.text.replace(/\s+/g, " ")}”\n`);
    }
  });
  return 0;
};

const text: Look = (folder, { output }) => {
  const { book } = readState(folder);
  output.row({ text: book.text });
  output.text(book.text.endsWith("\n") ? book.text : `${book.text}\n`);
  return 0;
};

const write: Look = async (folder, { flags, output }) => {
  const { format = "md", output: file } = flags;
  const content = exported(readState(folder), format);
  if (file === undefined) {
    if (typeof content !== "string")
      fail("wrong_use", `--output is needed for ${format}`, { hint: `--output summary.${format}` });
    output.row({ format, text: content });
    output.answer(content);
    return 0;
  }
  await writeFileSafely(file, content);
  output.row({ file, bytes: Buffer.byteLength(content) });
  output.text(`${file}\n`);
  return 0;
};

const verify: Look = (folder, { output }) => {
  const { nodes, objects, problems } = verifyRun(folder);
  for (const problem of problems) {
    output.row({ problem });
    output.text(`${problem}\n`);
  }
  output.row({ done: true, nodes, objects, problems: problems.length });
  output.text(problems.length === 0 ? `${folder} is whole: ${nodes} nodes, ${objects} answers\n` : "");
  return problems.length === 0 ? 0 : 4;
};

const looks = { show, trace, text, export: write, verify } as const;

export const look = (action: keyof typeof looks, folder: string, call: Call): Promise<number> | number =>
  looks[action](folder, call);
