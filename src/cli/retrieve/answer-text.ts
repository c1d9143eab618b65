/** An answer with its citations for a person. */
import type { CitedAnswer } from "../../retrieve/answers/answer.ts";
import type { Found } from "../../retrieve/search-node.ts";
import type { Output } from "../output.ts";

/** Characters of a quote that are shown. */
const mostShown = 400;

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > mostShown ? `${line.slice(0, mostShown - 1)}…` : line;
};

/** The answer with the number of a citation behind each sentence that has one, and a mark behind those without. */
export function answerText({ text, found, sentences, citations }: CitedAnswer, output: Output): string {
  if (!found) return `${text}\n`;
  let shown = "";
  let from = 0;
  for (const [i, { end }] of sentences.entries()) {
    const number = citations.findIndex(({ sentence }) => sentence === i + 1) + 1;
    shown += `${text.slice(from, end)}${output.dim(number > 0 ? ` [${number}]` : " [not supported]")}`;
    from = end;
  }
  return `${shown}${text.slice(from)}\n`;
}

/**
 * The citations, numbered. Where the answer was written before anybody had looked at it, also which of its sentences
 * nothing supports, and whether the documents answer at all.
 */
export function citationsText(
  answer: CitedAnswer,
  passages: readonly Found[],
  written: string,
  output: Output,
): string {
  const { found, sentences, citations, said } = answer;
  const lines: string[] = [];
  if (!found && written !== "") {
    lines.push(said === undefined || written.trim() === answer.text ? "" : "Nothing in the documents supports that. ");
    lines.push(`${answer.text}\n`);
  } else if (!found && said) lines.push(output.dim(`the model had written: ${oneLine(said)}\n`));
  if (written !== "") {
    for (const [i, { text, supported }] of sentences.entries())
      if (!supported) lines.push(output.dim(`not supported: sentence ${i + 1}, "${oneLine(text)}"\n`));
  }
  for (const [i, { sentence, passage, quote, start, end }] of citations.entries()) {
    const { document, heading, page } = passages[passage]!;
    const where = [heading, page !== undefined && `page ${page}`, `${start}–${end}`].filter(Boolean).join(", ");
    const of = written !== "" && sentences.length > 1 ? ` for sentence ${sentence}` : "";
    lines.push(`\n[${i + 1}]${of} ${output.bold(document)}  ${output.dim(where)}\n    “${oneLine(quote)}”\n`);
  }
  return lines.join("");
}
