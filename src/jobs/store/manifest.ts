/** What a store says of a result, and where its files are. */
import { z } from "zod";

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.object({
  /** As the job named it. */
  path: z.string(),
  bytes: z.number().int().nonnegative(),
  sha256: hash,
  /** Its name in the object, where the plain one held other bytes: of an attempt that ended before its commit. */
  at: z.string().optional(),
});

const checkSchema = z.object({
  name: z.string(),
  passed: z.boolean(),
  severity: z.enum(["WARN", "ERROR"]).optional(),
  about: z.string().optional(),
});

/** Numbers that JSON has none for are words. */
const number = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]);

export const manifestSchema = z.object({
  /** Of this file; a newer program reads older ones. */
  schema: z.literal(1),
  key: hash,
  job: z.string(),
  jobVersion: z.number().int(),
  partition: z.string(),
  /** What the key is the hash of: config, inputs, model, … */
  identity: z.record(z.string(), z.unknown()),
  files: z.array(fileSchema),
  metrics: z.record(z.string(), number),
  checks: z.array(checkSchema),
  preview: z.string().optional(),
  table: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))).optional(),
  /** First half of the SHA-256 over the sorted paths and hashes of the files: what Dagster calls a data version. */
  outputHash: z.string().regex(/^[0-9a-f]{32}$/),
  /** Programs that made it. */
  versions: z.record(z.string(), z.string()),
  /** That the attempt that finished it took. */
  seconds: z.number(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = z.infer<typeof fileSchema>;

export const refSchema = z.object({ key: hash, outputHash: z.string(), at: z.string() });
export type Ref = z.infer<typeof refSchema>;

export const storedNumber = (value: number): z.infer<typeof number> =>
  Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity");
