/** `embed`: texts as vectors; a partition is a stretch of rows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileSafely } from "../../base/files-node.ts";
import { textOf } from "../../data/cli-rows-node.ts";
import { rowText } from "../../data/raw-json.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { openEncoder } from "../../text/open-node.ts";
import { writeSafetensors } from "../../weights/safetensors-node.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";
import { needRow, recordJournal, shardKeys, shardNames, shardRows } from "./shards-node.ts";

/** Rows that are computed together and noted together: a row's numbers may depend on its batch. */
const together = 256;

export default defineJob({
  name: "embed",
  version: 1,
  summary: "Texts as vectors; a partition is a stretch of rows",
  checks: { count_matches: "ERROR", unit_norm: "WARN" },
  config: z.strictObject({
    ...modelKeys,
    ...shardKeys,
    column: z.string().default("text").describe("the column of the texts (text)"),
    pooling: z.enum(["cls", "mean", "last"]).optional().describe("how a text becomes one vector (as the folder says)"),
    normalize: z.boolean().optional().describe("whether vectors get length 1 (as the folder says)"),
    dimensions: z.number().int().positive().optional().describe("the first n numbers alone"),
    prompt: z.string().optional().describe("the folder's text of this name before every text"),
    promptText: z.string().optional().describe("this text before every text"),
  }),
  partitions: shardNames,
  async inputs({ input, model }, _, signal) {
    return { inputs: [{ name: "rows", sha256: await hashInput(input) }], ...(await hashModel(model, signal)) };
  },
  async open(settings, signal) {
    const { base, adapter } = withoutAdapter(settings.model);
    const { pooling } = settings;
    return openEncoder(base, { ...openOptions(settings, adapter), download: { signal }, pooling });
  },
  async run({ config, partition, work, out, signal, tell, opened: { encoder } }) {
    const { dimensions, normalize, prompt, promptText, column } = config;
    const width = dimensions ?? encoder.embedding.width;
    const { first, rows } = await shardRows(config, partition, signal);
    const file = join(work, "vectors");
    await compute();
    const data = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    await writeSafetensors(join(out, "embeddings.safetensors"), [
      ["embeddings", { dtype: "float32", shape: [rows.length, width], data }],
    ]);
    const ids = rows.map((row, i) => {
      const { id } = needRow(row, first + i);
      return `${rowText({ ...(id !== undefined && { id }), row: first + i })}\n`;
    });
    await writeFileSafely(join(out, "rows.jsonl"), ids.join(""));
    const count = data.length / width;
    const about = `${count} vectors of ${width} numbers for ${rows.length} rows`;
    tell({ event: "metric", name: "rows", value: rows.length });
    tell({ event: "check", name: "count_matches", passed: count === rows.length, about });
    const lengths = Array.from({ length: count }, (_, i) => Math.hypot(...data.subarray(i * width, (i + 1) * width)));
    const far = Math.max(0, ...lengths.map((length) => Math.abs(length - 1)));
    tell({
      event: "check",
      name: "unit_norm",
      passed: far < 1e-3,
      severity: "WARN",
      about: `lengths differ from 1 by ${far.toExponential(1)} at most`,
    });
    tell({ event: "preview", markdown: about });

    async function compute(): Promise<void> {
      const journal = recordJournal(file, width * 4, together, rows.length);
      try {
        const follow = progressFrom(tell, { unit: "passages", known: journal.known });
        for (let at = journal.known; at < rows.length; at += together) {
          throwIfAborted(signal);
          const batch = rows.slice(at, at + together);
          const texts = batch.map((row, i) => textOf(needRow(row, first + at + i), column));
          const vectors = await encoder.embedAll(texts, { dimensions, normalize, prompt, promptText, signal });
          const record = new Float32Array(batch.length * width);
          for (const [i, vector] of vectors.entries()) {
            if (vector instanceof ZerothError) {
              fail(vector.code, `row ${first + at + i + 1}: ${vector.message}`, { where: config.input, cause: vector });
            }
            record.set(vector, i * width);
          }
          journal.add(new Uint8Array(record.buffer));
          follow(at + batch.length, rows.length);
        }
      } finally {
        journal.close();
      }
    }
  },
});
