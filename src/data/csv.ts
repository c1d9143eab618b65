/** Comma- or tab-separated text in pieces of any size (RFC 4180): quoted fields may hold separators, quotes, breaks. */
import { fail } from "../errors.ts";

/**
 * Records as they become whole. Every record must have as many fields as the first, which names the columns.
 * @throws bad_input naming the record
 */
export async function* csvRecords(
  pieces: AsyncIterable<string>,
  separator: "," | "\t",
  where: string,
): AsyncGenerator<Record<string, string>, void, undefined> {
  let header: readonly string[] | undefined;
  let record: string[] = [];
  let field = "";
  let state: "plain" | "quoted" | "quote in quoted" = "plain";
  let number = 0;
  let begun = false;

  const ended = (): Record<string, string> | undefined => {
    record.push(field.endsWith("\r") && state === "plain" ? field.slice(0, -1) : field);
    const done = record;
    [record, field, state, begun] = [[], "", "plain", false];
    if (done.length === 1 && done[0] === "") return undefined;
    if (!header) {
      header = done;
      const twice = header.find((name, i) => header!.indexOf(name) !== i);
      if (twice !== undefined) fail("bad_input", `two columns are called ${JSON.stringify(twice)}`, { where });
      return undefined;
    }
    number++;
    if (done.length !== header.length) {
      fail("bad_input", `record ${number} has ${done.length} fields, the header has ${header.length}`, { where });
    }
    return Object.fromEntries(header.map((name, i) => [name, done[i]!]));
  };

  for await (const piece of pieces) {
    for (const char of begun || header ? piece : piece.replace(/^\uFEFF/, "")) {
      begun = true;
      if (state === "quoted") {
        if (char === '"') state = "quote in quoted";
        else field += char;
      } else if (state === "quote in quoted" && char === '"') {
        field += char;
        state = "quoted";
      } else if (char === separator) {
        record.push(field);
        [field, state] = ["", "plain"];
      } else if (char === "\n") {
        const row = ended();
        if (row) yield row;
      } else if (char === '"' && field === "" && state === "plain") state = "quoted";
      // Between a closing quote and the end of its record only the carriage return is left out.
      else if (state !== "quote in quoted" || char !== "\r") field += char;
    }
  }
  if (state === "quoted") fail("bad_input", "a quoted field is never closed", { where });
  const row = begun ? ended() : undefined;
  if (row) yield row;
  if (!header) fail("bad_input", "the file is empty: its first line must name the columns", { where });
}
