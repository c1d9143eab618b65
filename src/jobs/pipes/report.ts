/** What Dagster is told of results: one materialisation an asset, however many partitions a run did. */
import type { Check } from "../events.ts";
import type { Outcome } from "../run-node.ts";
import { type Metadata, metadata } from "./metadata.ts";
import type { PipesCheck } from "./pipes-node.ts";

type Cell = string | number | boolean | null;

const counted =
  /(^|_)(rows|examples|documents|chunks|steps|parameters|calls|nodes|sentences|traced|papers|candidates|replaced)$/;

/** A metric as what it is: what counts things is a whole number, everything else a float also where it is round. */
const metric = (name: string, value: number | string) => {
  if (typeof value === "string") return metadata.text(value);
  return counted.test(name) ? metadata.int(value) : metadata.float(value);
};

const median = (sorted: readonly number[]): number => {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** A row a partition with its metrics, then their median, least and greatest. */
function tableOf(outcomes: readonly Outcome[]): Record<string, Cell>[] {
  const rows = outcomes.map(
    ({ partition, manifest, cached }): Record<string, Cell> => ({
      partition,
      ...manifest.metrics,
      seconds: manifest.seconds,
      cached,
    }),
  );
  const names = [...new Set(outcomes.flatMap(({ manifest }) => Object.keys(manifest.metrics)))];
  const numbers = (name: string) =>
    outcomes
      .map(({ manifest }) => manifest.metrics[name])
      .filter((value) => typeof value === "number")
      .sort((a, b) => a - b);
  const summary = (label: string, of: (sorted: readonly number[]) => number): Record<string, Cell> => ({
    partition: label,
    ...Object.fromEntries(
      names.flatMap((name) => {
        const sorted = numbers(name);
        return sorted.length === 0 ? [] : [[name, of(sorted)]];
      }),
    ),
  });
  return [
    ...rows,
    summary("median", median),
    summary("least", (sorted) => sorted[0]!),
    summary("greatest", (sorted) => sorted.at(-1)!),
  ];
}

/** The content of several results: of one its own hash, so that an equal result makes nothing downstream stale. */
export function dataVersionOf(outcomes: readonly Outcome[], hash: (text: string) => string): string {
  const [only] = outcomes;
  if (outcomes.length === 1 && only) return only.manifest.outputHash;
  const lines = outcomes.map(({ partition, manifest }) => `${partition}\n${manifest.outputHash}\n`).sort();
  return hash(lines.join("")).slice(0, 32);
}

/** @param store where the results are, as it was given */
export function metadataOf(outcomes: readonly Outcome[], store: string): Metadata {
  const [only] = outcomes;
  if (outcomes.length === 1 && only) {
    const { manifest, cached } = only;
    const { key, metrics, preview, table, seconds } = manifest;
    return {
      ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, metric(name, value)])),
      seconds: metadata.float(seconds),
      cached: metadata.bool(cached),
      key: metadata.text(key),
      store_path: metadata.path(`${store}/objects/${key.slice(0, 2)}/${key}`),
      ...(preview !== undefined && { preview: metadata.md(preview.split("\n").slice(0, 20).join("\n")) }),
      ...(table !== undefined && { table: metadata.table(table) }),
    };
  }
  const seconds = outcomes.reduce((sum, { manifest }) => sum + manifest.seconds, 0);
  return {
    partitions: metadata.int(outcomes.length),
    cached_partitions: metadata.int(outcomes.filter(({ cached }) => cached).length),
    seconds: metadata.float(seconds),
    store_path: metadata.path(store),
    table: metadata.table(tableOf(outcomes)),
  };
}

/** Checks of all results: one that failed anywhere has failed, and says where. */
export function checksOf(outcomes: readonly Outcome[]): PipesCheck[] {
  const byName = new Map<string, { partition: string; check: Check }[]>();
  for (const { partition, manifest } of outcomes) {
    for (const check of manifest.checks) {
      byName.set(check.name, [...(byName.get(check.name) ?? []), { partition, check: check as Check }]);
    }
  }
  return [...byName].map(([name, all]) => {
    const failed = all.filter(({ check }) => !check.passed);
    const shown = (failed.length > 0 ? failed : all).slice(0, 10);
    const about = shown.map(({ partition, check }) =>
      all.length === 1 ? check.about : `${partition}: ${check.about}`,
    );
    return {
      name,
      passed: failed.length === 0,
      severity: all[0]!.check.severity ?? "ERROR",
      metadata: {
        about: metadata.text(about.join("\n")),
        partitions: metadata.int(all.length),
        failed: metadata.int(failed.length),
      },
    };
  });
}
