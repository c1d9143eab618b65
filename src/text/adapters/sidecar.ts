/**
 * zeroth_adapter.json: what adapter_config.json of PEFT has no word for. It stands beside PEFT's two files, which other
 * programs read, or, with zeroth_adapter.safetensors, in their place where PEFT cannot hold the adapter.
 */
import { z } from "zod";
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { AdapterSettings } from "../../models/adapters/settings.ts";
import { sites } from "../../models/adapters/survey.ts";

const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);
const pathName = z.string().min(1).max(500);

const settings = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("prefix"),
    length: count,
    sites: z.array(z.enum(sites)).min(1).max(sites.length),
    counted: z.boolean(),
    projection: z.strictObject({ from: count, hidden: count }).optional(),
    tied: z.boolean().optional(),
  }),
  z.strictObject({ method: z.literal("prompt"), length: count }),
  z.strictObject({
    method: z.literal("lora"),
    products: z.record(pathName, z.strictObject({ rank: count, scale: z.number() })),
    dropped: z.boolean().optional(),
  }),
  z.strictObject({ method: z.enum(["head", "full"]) }),
]);

const schema = z.object({
  format: z.literal(1),
  /** Beside PEFT's files, which have these, it need not say them again. */
  settings: settings.optional(),
  head: z.enum(["sequence", "tokens", "span", "choice"]).optional(),
  labels: z.array(z.string().max(1000)).min(1).max(1_000_000).optional(),
  /** Most tokens of a text in training. */
  max_length: count.optional(),
  base: z
    .object({
      name: z.string().max(4096).nullish(),
      /** Of config.json and of the first and last tensor. */
      fingerprint: z.string().max(200).optional(),
    })
    .optional(),
});

export interface Sidecar extends Omit<z.infer<typeof schema>, "settings"> {
  readonly settings?: AdapterSettings | undefined;
}

export const sidecarName = "zeroth_adapter.json";
export const sidecarWeights = "zeroth_adapter.safetensors";

/** @throws corrupt_file naming the key */
export function parseSidecar(json: JsonObject, where: string): Sidecar {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return fail("corrupt_file", `${issue.path.join(".") || "it"}: ${issue.message}`, { where });
  }
  const { settings: given, ...rest } = parsed.data;
  if (!given) return rest;
  if (given.method !== "lora") return { ...rest, settings: given };
  return { ...rest, settings: { ...given, products: new Map(Object.entries(given.products)) } };
}

export function sidecarText({ settings: given, ...rest }: Sidecar): string {
  const written = given?.method === "lora" ? { ...given, products: Object.fromEntries(given.products) } : given;
  return `${JSON.stringify({ ...rest, ...(written && { settings: written }) }, null, 2)}\n`;
}
