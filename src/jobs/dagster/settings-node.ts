/** `zeroth.yaml`: the assets of a project. `scaffold/dagster/definitions.py` reads the same file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { readTextFile } from "../../base/read-node.ts";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail } from "../../errors.ts";

const asset = z.strictObject({
  description: z.string().optional(),
  job: z.string(),
  code_version: z.coerce.string(),
  settings: z.record(z.string(), z.unknown()).default({}),
  partitions: z
    .union([
      z.enum(["none", "list"]),
      z.array(z.string()).min(1),
      z.strictObject({ monthly: z.string().regex(/^\d{4}-\d\d$/), due: z.number().int().min(1).max(28).optional() }),
    ])
    .default("none"),
  checks: z.array(z.string()).default([]),
  after: z.array(z.string()).default([]),
  per_run: z.number().int().positive().optional(),
  pool: z.string().optional(),
  group: z.string().optional(),
  eager: z.boolean().optional(),
  retry_delay: z.number().nonnegative().optional(),
  fresh_within_hours: z.number().positive().optional(),
});

const schema = z.strictObject({
  store: z.string().default("store"),
  runner: z.enum(["local", "docker", "k8s"]).default("local"),
  command: z.array(z.string()).min(1).default(["zeroth"]),
  image: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  docker: z.record(z.string(), z.unknown()).default({}),
  k8s: z.record(z.string(), z.unknown()).default({}),
  assets: z.record(z.string().regex(/^\w+$/), asset),
});

export type DagsterAsset = z.output<typeof asset>;
export type DagsterSettings = z.output<typeof schema>;

/** @throws not_found; wrong_use naming the key */
export function readSettings(folder: string): DagsterSettings {
  const file = join(folder, "zeroth.yaml");
  if (!existsSync(file)) fail("not_found", "is not there", { where: file, hint: "zeroth dagster init makes one" });
  let value: unknown;
  try {
    value = parse(readTextFile(file, 1 << 20));
  } catch (cause) {
    fail("wrong_use", (cause as Error).message, { where: file, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { what, hint } = schemaIssue(parsed.error, schema, "the file");
  return fail("wrong_use", what, { where: file, ...(hint !== undefined && { hint }) });
}
