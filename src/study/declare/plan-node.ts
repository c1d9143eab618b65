/** The runs of a study: what each is, by a hash of all that decides its result, and in which order they are done. */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { canonicalJson } from "../../base/canonical.ts";
import { fileSha256 } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { ancestors } from "./check.ts";
import { combinations } from "./factors.ts";
import type { Factors, Study } from "./study.ts";

export interface PlannedRun {
  readonly id: string;
  readonly stage: string;
  /** Of the stage alone. */
  readonly own: Factors;
  /** With those of the runs that it needs. */
  readonly factors: Factors;
  readonly parent: string | undefined;
  /** The first run that it follows from: itself where it needs none. */
  readonly root: string;
  /** Beside others of its stage. */
  readonly cost: number;
}

export interface PlanOptions {
  /** The declaration's file: paths of data are looked up from its folder. */
  readonly file: string;
  readonly quick?: boolean | undefined;
  /** One of so many parts: runs by the hash of the first run that they follow from. */
  readonly shard?: { readonly index: number; readonly of: number } | undefined;
}

const digest = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 16);

/** Hashes of a stage's data files. */
async function fingerprints(files: readonly string[], file: string): Promise<string[]> {
  const hashes: string[] = [];
  for (const path of files) hashes.push(await fileSha256(resolve(dirname(file), path)));
  return hashes;
}

const without = (own: Factors, defaults: Factors): Factors =>
  Object.fromEntries(Object.entries(own).filter(([name, value]) => !(name in defaults && defaults[name] === value)));

/** Stages after those that they need, otherwise as declared. */
const stagesInOrder = (study: Study, where: string): string[] =>
  Object.keys(study.stages)
    .map((title) => ({ title, depth: ancestors(title, study, where).length }))
    .sort((a, b) => a.depth - b.depth)
    .map(({ title }) => title);

/**
 * All runs, in the order in which they are done: those that others need first, then cheap before dear, then by their hash, so
 * that a part of the runs is spread over the whole grid.
 * @throws bad_input for a factor that is none, and where nothing is left; not_found for data that is not there
 */
export async function planStudy(study: Study, { file, quick = false, shard }: PlanOptions): Promise<PlannedRun[]> {
  const byStage = new Map<string, PlannedRun[]>();
  for (const title of stagesInOrder(study, file)) {
    const stage = study.stages[title]!;
    const data = await fingerprints(stage.data ?? [], file);
    const others = quick ? (study.quick?.[title] ?? {}) : {};
    const parents: readonly (PlannedRun | undefined)[] =
      stage.needs === undefined ? [undefined] : byStage.get(stage.needs)!;
    const runs = parents.flatMap((parent) => {
      const given = parent?.factors ?? {};
      return combinations(stage, given, others, file).map((own): PlannedRun => {
        const id = digest({
          ...{ schema: 1, study: study.name, version: study.version ?? 1, stage: title },
          ...{ stageVersion: stage.version ?? 1, factors: without(own, stage.defaults ?? {}) },
          ...{ needs: parent?.id ?? null, data },
        });
        const factors = { ...given, ...own };
        const cost = stage.cost?.(factors) ?? 1;
        if (!(cost >= 0 && Number.isFinite(cost)))
          fail("bad_input", `stage "${title}": a cost of ${cost}`, { where: file });
        return { id, stage: title, own, factors, parent: parent?.id, root: parent?.root ?? id, cost };
      });
    });
    runs.sort((a, b) => a.cost - b.cost || (a.id < b.id ? -1 : 1));
    byStage.set(title, runs);
  }
  const all = [...byStage.values()].flat();
  const seen = new Set<string>();
  const twice = all.find(({ id }) => seen.size === seen.add(id).size);
  if (twice)
    fail("bad_input", `two runs of stage "${twice.stage}" are the same`, { where: file, hint: "see its defaults" });
  if (all.length === 0)
    fail("bad_input", "no combination of factors is left", { where: file, hint: "see where and only" });
  if (!shard) return all;
  return all.filter(({ root }) => Number.parseInt(root.slice(0, 8), 16) % shard.of === shard.index - 1);
}
