/** What Dagster says about the run that a process is a part of. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { JsonObject } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";

const provenance = z.object({
  code_version: z.string().nullish(),
  input_data_versions: z.record(z.string(), z.string()),
  is_user_provided: z.boolean().nullish(),
});

/** Keys that a later version adds are passed over. */
const contextSchema = z.object({
  asset_keys: z.array(z.string()).nullish(),
  code_version_by_asset_key: z.record(z.string(), z.string().nullable()).nullish(),
  provenance_by_asset_key: z.record(z.string(), provenance.nullable()).nullish(),
  partition_key: z.string().nullish(),
  partition_key_range: z.object({ start: z.string(), end: z.string() }).nullish(),
  partition_time_window: z.object({ start: z.string(), end: z.string() }).nullish(),
  run_id: z.string(),
  job_name: z.string().nullish(),
  retry_number: z.number().int(),
  extras: z.record(z.string(), z.unknown()).nullish(),
});

export type PipesContext = z.output<typeof contextSchema>;

async function textOf(params: JsonObject): Promise<{ text: string; where: string }> {
  const { path, bucket, key } = params;
  if (typeof path === "string") {
    try {
      return { text: readFileSync(path, "utf8"), where: path };
    } catch (cause) {
      // Its process took the file along: whoever starts this one again gives another.
      throw new ZerothError("storage_failed", "Dagster's file is not there any more: its process has ended", {
        where: path,
        cause,
      });
    }
  }
  if (typeof bucket === "string" && typeof key === "string") {
    const { s3Backend } = await import("../store/s3-node.ts");
    const where = `s3://${bucket}/${key}`;
    const content = await s3Backend(`s3://${bucket}`).read(key);
    return content
      ? { text: new TextDecoder().decode(content), where }
      : fail("storage_failed", "Dagster's object is not there any more", { where });
  }
  return fail("wrong_use", `Dagster's context lies where is not known: ${Object.keys(params).join(", ")}`, {
    hint: "known are a file (path), the value itself (data), and an object of S3 (bucket, key)",
  });
}

/** @throws wrong_use for a context that is none; storage_failed for one that is gone */
export async function loadContext(params: JsonObject): Promise<PipesContext> {
  let value: unknown = params.data;
  let where = "Dagster's context";
  if (value === undefined) {
    const found = await textOf(params);
    ({ where } = found);
    try {
      value = JSON.parse(found.text);
    } catch (cause) {
      fail("wrong_use", `is no JSON: ${(cause as Error).message}`, { where, cause });
    }
  }
  const parsed = contextSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  return fail("wrong_use", `${issue.path.join(".") || "the context"}: ${issue.message}`, { where });
}
