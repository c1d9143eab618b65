/**
 * Rows of conversations as OpenAI's fine-tuning takes them: each answer of the assistant is learnt, after all that was
 * said before it. Further, the names that OpenAI's older rows have: `completion` for the target.
 */
import { shown } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import type { Example } from "../models/kinds/loss.ts";
import { type Conversations, idsOfAnswer } from "../text/chat/conversations.ts";
import { type ChatMessage, checkMessages, textOf } from "../text/chat/messages.ts";
import { rowName, rowNumber, type TuneRow } from "./rows.ts";

/** The error of a row with the row's name before it. */
function ofRow(error: unknown, name: string, file: string): never {
  if (!(error instanceof ZerothError)) throw error;
  const { code, message, hint } = error;
  return fail(code, `${name}: ${message}`, { where: file, cause: error, ...(hint !== undefined && { hint }) });
}

const isAnswer = ({ role }: ChatMessage): boolean => role === "assistant";

/** Whether an answer is learnt; those of weight 0 are only read. */
function weightOf({ weight }: ChatMessage, name: string, file: string): boolean {
  if (weight === undefined || weight === null || weight === 1) return true;
  if (weight === 0) return false;
  return fail("bad_input", `${name}: the weight of a message is ${JSON.stringify(weight)}, expected 0 or 1`, {
    where: file,
  });
}

function repliesOf(row: TuneRow, name: string, file: string): TuneRow[] {
  let messages: readonly ChatMessage[];
  try {
    messages = checkMessages(row.messages);
  } catch (error) {
    return ofRow(error, name, file);
  }
  for (const unknown of ["tools", "functions", "parallel_tool_calls"]) {
    if (row[unknown] === undefined || row[unknown] === null) continue;
    fail("unsupported", `${name}: "${unknown}" in a conversation: calls of tools are not learnt here`, { where: file });
  }
  const rows: TuneRow[] = [];
  messages.forEach((message, i) => {
    const where = `${name}, message ${i + 1}`;
    if (!isAnswer(message) || !weightOf(message, where, file)) return;
    if (message.tool_calls !== undefined || message.function_call !== undefined) {
      fail("unsupported", `${where}: calls of tools are not learnt here`, { where: file });
    }
    const reply = textOf(message);
    if (reply.trim() === "") fail("bad_input", `${where}: the assistant's answer is empty`, { where: file });
    if (i === 0) fail("bad_input", `${where} is the assistant's, and nothing comes before it`, { where: file });
    rows.push({ messages: messages.slice(0, i), reply, [rowNumber]: row[rowNumber] });
  });
  if (rows.length === 0) {
    fail("bad_input", `${name} has no message of the assistant that is learnt`, {
      where: file,
      hint: '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
    });
  }
  return rows;
}

/** Rows as tasks read them: a row of a conversation becomes one for each answer in it. */
export function spreadRows(rows: readonly TuneRow[], file: string): TuneRow[] {
  const first = rows[0];
  if (first?.messages !== undefined) {
    return rows.flatMap((row, i) => {
      const name = rowName(row, i);
      if (row.messages === undefined) {
        fail(
          "bad_input",
          `${name} has no messages, and the first row has: ${Object.keys(row).slice(0, 8).map(shown).join(", ")}`,
          {
            where: file,
          },
        );
      }
      return repliesOf(row, name, file);
    });
  }
  return rows.map((row) =>
    row.completion === undefined || row.target !== undefined ? row : { ...row, target: row.completion },
  );
}

/** A reply with the conversation before it, as the model reads and writes them. */
export function replyExample(row: TuneRow, name: string, talk: Conversations, file: string): Example {
  const reply = String(row.reply);
  let input: readonly number[];
  try {
    input = talk.maker.prompt(row.messages as readonly ChatMessage[]).ids;
  } catch (error) {
    return ofRow(error, name, file);
  }
  return { input: [...input], target: idsOfAnswer(talk, reply) };
}
