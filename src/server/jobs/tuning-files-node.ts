/** Where a server keeps what it needs of jobs of fine-tuning while it works on them. */
import { createWriteStream, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { makeFolder, namesIn } from "../../base/files-node.ts";
import { readFile } from "../../state/files-node.ts";
import type { State } from "../../state/schema/tables.ts";
import type { Tuning, TuningClaim } from "../../state/tunings/tunings.ts";
import type { RowsFile } from "./tuning-messages.ts";

export const workFolder = (home: string): string => join(home, "tuning");

/** The folder of one taking of a job: two processes never share one. */
const folderOf = (home: string, { job, fence }: TuningClaim): string => join(workFolder(home), `${job.id}-${fence}`);

/** An empty folder for a job that was just taken; those of earlier takings go. */
export async function makeWorkFolder(home: string, claim: TuningClaim): Promise<string> {
  const all = workFolder(home);
  makeFolder(all);
  for (const name of readdirSync(all)) {
    if (name.startsWith(`${claim.job.id}-`)) await rm(join(all, name), { recursive: true, force: true });
  }
  const folder = folderOf(home, claim);
  makeFolder(folder);
  return folder;
}

/** Take away the folders of takings that are over, as processes that were killed left them. */
export async function sweepWorkFolders({ db }: State, home: string): Promise<void> {
  const all = workFolder(home);
  for (const name of namesIn(all)) {
    const [, id, fence] = /^(ftjob-[0-9a-f]+)-(\d+)$/.exec(name) ?? [];
    if (id === undefined) continue;
    const job = await db.selectFrom("tuning").select(["fence", "worker"]).where("id", "=", id).executeTakeFirst();
    if (job?.fence === Number(fence) && job.worker !== null) continue;
    await rm(join(all, name), { recursive: true, force: true });
  }
}

const known = /\.(?:jsonl|csv|tsv|parquet|conll|bio|iob2?)(?:\.gz)?$/i;

/**
 * Write a file of rows where the engine reads it; how it is read follows from the ending of its name.
 * @throws not_found where it was deleted
 */
export async function fetchRows(
  state: State,
  { owner }: Pick<Tuning, "owner">,
  id: string,
  folder: string,
  called: string,
): Promise<RowsFile> {
  const { file, content } = await readFile(state, owner, id);
  const [ending = ".jsonl"] = known.exec(file.filename) ?? [];
  const path = join(folder, `${called}${ending.toLowerCase()}`);
  await pipeline(Readable.from(content), createWriteStream(path));
  return { path, name: file.filename };
}
