/** Every job by its name: a file of `list/` and a row here. They are read when one is asked for. */
import { nearest } from "../base/nearest.ts";
import { fail } from "../errors.ts";
import type { Job } from "./job.ts";

const jobs: Readonly<Record<string, () => Promise<{ readonly default: Job }>>> = {
  digest: () => import("./list/digest-node.ts"),
  eval: () => import("./list/eval-node.ts"),
  embed: () => import("./list/embed-node.ts"),
  generate: () => import("./list/generate-node.ts"),
  index: () => import("./list/index-node.ts"),
  summarize: () => import("./list/summarize-node.ts"),
  train: () => import("./list/train-node.ts"),
  tune: () => import("./list/tune-node.ts"),
};

export const jobNames: readonly string[] = Object.keys(jobs);

/** @throws wrong_use with the name that was probably meant */
export async function findJob(name: string): Promise<Job> {
  const load = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
  if (load) return (await load()).default;
  const near = nearest(name, jobNames);
  return fail("wrong_use", `there is no job "${name}"; there are ${jobNames.join(", ")}`, {
    ...(near !== undefined && { hint: `did you mean ${near}?` }),
  });
}
