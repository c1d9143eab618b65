/** The lines of a batch's input file: one request each, as OpenAI writes them. */
import { isJsonObject, type JsonObject, jsonKind, shown } from "../../base/json.ts";

/** A request of a batch. */
export interface BatchLine {
  readonly customId: string;
  /** Its path: the batch's endpoint. */
  readonly url: string;
  readonly body: JsonObject;
}

/** What is wrong with a line, in the words of OpenAI's batch errors. */
export interface LineProblem {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  /** From 1. */
  readonly line: number;
}

/** Longer ids are refused. */
const longestId = 512;

/**
 * Lines of a text that comes in pieces; empty ones are left out, but counted. A line longer than `most` bytes ends the
 * text as a line of undefined.
 */
export async function* linesOf(
  content: AsyncIterable<Uint8Array>,
  most: number,
): AsyncGenerator<{ readonly number: number; readonly text: string | undefined }> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: false });
  let rest = "";
  let number = 0;
  for await (const piece of content) {
    rest += decoder.decode(piece, { stream: true });
    let from = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
      const text = rest.slice(from, end);
      from = end + 1;
      number++;
      if (text.trim() !== "") yield { number, text };
    }
    rest = rest.slice(from);
    if (rest.length > most) {
      yield { number: number + 1, text: undefined };
      return;
    }
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield { number: number + 1, text: rest };
}

/**
 * A line read, or what is wrong with it.
 * @param number from 1, for messages
 */
export function parseLine(text: string, number: number, endpoint: string): BatchLine | LineProblem {
  const problem = (code: string, message: string, param: string | null = null): LineProblem => ({
    code,
    message,
    param,
    line: number,
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem("invalid_json_line", `line ${number} is not JSON`);
  }
  if (!isJsonObject(value))
    return problem("invalid_json_line", `line ${number} is ${jsonKind(value)}, expected an object`);
  const { custom_id: customId, method, url, body } = value;
  if (typeof customId !== "string" || customId === "" || customId.length > longestId) {
    return problem(
      "missing_required_parameter",
      `line ${number}: custom_id must be a text of 1 to ${longestId} characters`,
      "custom_id",
    );
  }
  if (method !== "POST") {
    return problem("invalid_method", `line ${number}: method must be "POST"`, "method");
  }
  if (url !== endpoint) {
    const got = typeof url === "string" ? shown(url) : jsonKind(url);
    return problem("mismatched_endpoint", `line ${number}: url is ${got}, the batch is for ${endpoint}`, "url");
  }
  if (!isJsonObject(body)) {
    return problem("invalid_request", `line ${number}: body is ${jsonKind(body)}, expected an object`, "body");
  }
  if (body.stream === true) {
    return problem("invalid_request", `line ${number}: answers in a batch are not streamed`, "body.stream");
  }
  return { customId, url: endpoint, body };
}
