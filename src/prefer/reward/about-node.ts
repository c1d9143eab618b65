/** What a reward model's folder says of itself beside what transformers reads. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";

export const rewardFile = "zeroth_reward.json";

const schema = z.object({
  format: z.literal(1),
  /** Tokens of an input with its answer. */
  max_length: z.number().int().positive(),
  /** Taken off every score: where the head has no bias that it could be taken off. */
  shift: z.number(),
  /** Pairs that it learnt from, and how many of others it puts into their order. */
  pairs: z.number().int().nonnegative(),
  pair_accuracy: z.number().optional(),
});

export type RewardAbout = z.infer<typeof schema>;

export const aboutText = (about: RewardAbout): string => `${JSON.stringify(about, null, 2)}\n`;

/** Undefined where the folder is of another program: any classifier with one label is a reward model. */
export function readAbout(folder: string): RewardAbout | undefined {
  const path = join(folder, rewardFile);
  if (!existsSync(path)) return undefined;
  const read = schema.safeParse(readJsonFile(path));
  if (read.success) return read.data;
  return fail("corrupt_file", `is no account of a reward model: ${z.prettifyError(read.error).slice(0, 300)}`, {
    where: path,
  });
}
