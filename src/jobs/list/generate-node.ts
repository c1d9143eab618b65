/** `generate`: answers to the prompts of a file; a partition is a stretch of rows. */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type InputRow, idsOf, textOf } from "../../data/cli-rows-node.ts";
import { rowText } from "../../data/raw-json.ts";
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { openLanguageModel } from "../../text/open-node.ts";
import type { Generated } from "../../text/options.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";
import { lineJournal, shardKeys, shardNames, shardRows } from "./shards-node.ts";

/** Rows that are answered together and noted together. */
const together = 64;

const count = z.number().int().positive();

function rowOf({ text, tokens, finish, promptTokens, score }: Generated, id: unknown): string {
  return rowText({
    ...(id !== undefined && { id }),
    ...{ text, tokens, finish, prompt_tokens: promptTokens },
    ...(score !== undefined && { score }),
  });
}

export default defineJob({
  name: "generate",
  version: 1,
  summary: "Answers to the prompts of a file; a partition is a stretch of rows",
  checks: { all_answered: "ERROR" },
  config: z.strictObject({
    ...modelKeys,
    model: modelKeys.model.default("zeroth-nano").describe("folder or name of the hub (zeroth-nano)"),
    ...shardKeys,
    maxNewTokens: count.default(256).describe("longest answer in tokens (256)"),
    minNewTokens: count.optional().describe("shortest answer in tokens"),
    numBeams: count.optional().describe("beam search with k beams"),
    lengthPenalty: z.number().optional().describe("beams: scores divided by length^a"),
    sample: z.boolean().default(false).describe("draw tokens instead of taking the likeliest"),
    temperature: z.number().positive().optional().describe("sampling: below 1 is bolder"),
    topK: count.optional().describe("sampling: among the k likeliest"),
    topP: z.number().positive().max(1).optional().describe("sampling: among the likeliest that make up p"),
    repetitionPenalty: z.number().positive().optional().describe("make what was said less likely"),
    noRepeatNgram: count.optional().describe("no n tokens in a row are written twice"),
    stop: z.array(z.string()).optional().describe("end before one of these texts"),
    promptEnd: z.boolean().default(true).describe("do not add the end token to prompts"),
    seed: z.number().int().nonnegative().default(0).describe("for sampling (0)"),
  }),
  partitions: shardNames,
  async inputs({ input, model }, _, signal) {
    return { inputs: [{ name: "rows", sha256: await hashInput(input) }], ...(await hashModel(model, signal)) };
  },
  async open(settings, signal) {
    const { base, adapter } = withoutAdapter(settings.model);
    return openLanguageModel(base, { ...openOptions(settings, adapter), download: { signal } });
  },
  async run({ config, partition, work, out, signal, tell, opened: { text } }) {
    const { model: _, input: __, shard: ___, shards: ____, dtype: _____, threads: ______, ...options } = config;
    const asked = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const { first, rows } = await shardRows(config, partition, signal);
    const file = join(work, "answers.jsonl");
    const journal = lineJournal(file, together, rows.length);
    const follow = progressFrom(tell, { unit: "prompts", known: journal.known });
    for (let at = journal.known; at < rows.length; at += together) {
      throwIfAborted(signal);
      const batch = rows.slice(at, at + together);
      const prompts = batch.map((row) => promptOf(row));
      const good = prompts.flatMap((prompt) => (prompt instanceof ZerothError ? [] : [prompt]));
      const answers = await text.generateAll(good, { ...asked, signal, firstRow: first + at });
      const lines = batch.map((row, i) => {
        const id = row instanceof ZerothError ? undefined : row.id;
        const prompt = prompts[i]!;
        const answer = prompt instanceof ZerothError ? prompt : answers.shift()!;
        if (!(answer instanceof ZerothError)) return rowOf(answer, id);
        const { code, message } = answer;
        return rowText({ ...(id !== undefined && { id }), error: { code, message } });
      });
      journal.add(lines);
      follow(at + batch.length, rows.length);
    }
    copyFileSync(file, join(out, "answers.jsonl"));
    const failed = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => /^\{("id":[^{]*,)?"error":\{/.test(line)).length;
    tell({ event: "metric", name: "rows", value: rows.length });
    tell({
      event: "check",
      name: "all_answered",
      passed: failed === 0,
      about: `${failed} of ${rows.length} rows failed`,
    });
  },
});

function promptOf(row: InputRow | ZerothError): string | readonly number[] | ZerothError {
  if (row instanceof ZerothError) return row;
  try {
    return idsOf(row, "tokens") ?? textOf(row, "prompt");
  } catch (error) {
    if (error instanceof ZerothError) return error;
    throw error;
  }
}
