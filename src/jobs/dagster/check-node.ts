/** One partition of every asset as Dagster would run it, without Dagster. */
import { resolve } from "node:path";
import { throwIfAborted, ZerothError } from "../../errors.ts";
import type { Job } from "../job.ts";
import { findJob } from "../registry.ts";
import { launch, type Received } from "./double-node.ts";
import { type DagsterAsset, readSettings } from "./settings-node.ts";

export interface AssetChecked {
  readonly asset: string;
  readonly partition: string | undefined;
  readonly received: Received | undefined;
  /** What is wrong with it; none where all is well. */
  readonly problems: readonly string[];
}

/** Names and versions that Dagster must know before a run. */
function agrees(job: Job, { checks, code_version: version }: DagsterAsset): string[] {
  const own = Object.keys(job.checks);
  const lacks = own.filter((name) => !checks.includes(name));
  const unknown = checks.filter((name) => !own.includes(name));
  return [
    ...(lacks.length > 0 ? [`checks: ${lacks.join(", ")} should be declared, the job ${job.name} tells them`] : []),
    ...(unknown.length > 0 ? [`checks: the job ${job.name} tells no ${unknown.join(", ")}`] : []),
    ...(version.split("+")[0] === String(job.version)
      ? []
      : [`code_version: "${version}", the job ${job.name} is of version ${job.version}`]),
  ];
}

/** The partition that is tried: the first. */
async function partitionFor(asset: DagsterAsset, list: () => Promise<readonly string[]>): Promise<string | undefined> {
  const { partitions } = asset;
  if (partitions === "none") return undefined;
  if (partitions === "list") return (await list())[0];
  return Array.isArray(partitions) ? partitions[0] : `${(partitions as { monthly: string }).monthly}`;
}

/**
 * Try every asset of a project's `zeroth.yaml`.
 * @param command the program, as it is to be started
 */
export async function* checkAssets(
  folder: string,
  { command, store, signal }: { command: readonly string[]; store: string; signal: AbortSignal },
): AsyncGenerator<AssetChecked> {
  const { assets, environment } = readSettings(folder);
  const here = process.cwd();
  for (const [name, asset] of Object.entries(assets)) {
    throwIfAborted(signal);
    const problems: string[] = [];
    let partition: string | undefined;
    let received: Received | undefined;
    try {
      const job = await findJob(asset.job);
      problems.push(...agrees(job, asset));
      // Paths of the settings are from the project's folder.
      process.chdir(folder);
      try {
        partition = await partitionFor(asset, () => job.bind(asset.settings).partitions());
      } finally {
        process.chdir(here);
      }
      const ran = await launch({
        command: [...command, "run", asset.job, "--settings", JSON.stringify(asset.settings), "--quiet"],
        cwd: resolve(folder),
        assets: [name],
        checks: asset.checks,
        partition,
        extras: { partitions: partition === undefined ? [] : [partition], store, attempt: 0 },
        env: { ...process.env, ...environment },
      });
      received = ran;
      problems.push(...ran.problems);
      if (ran.exit !== 0) problems.push(`exit code ${ran.exit}: ${ran.stderr.trim().split("\n").slice(-3).join(" ")}`);
      else if (ran.materializations.length !== 1) problems.push("no materialisation was told");
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code === "interrupted") throw error;
      problems.push(error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
    }
    yield { asset: name, partition, received, problems };
  }
}
