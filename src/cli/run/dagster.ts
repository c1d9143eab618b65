/** What `zeroth dagster check` shows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkAssets } from "../../jobs/dagster/check-node.ts";
import type { MetadataValue } from "../../jobs/pipes/metadata.ts";
import { packageFolder } from "../../jobs/run-node.ts";
import type { Output } from "../output.ts";

const shown = ({ type, raw_value: value }: MetadataValue): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `${type} ${text.length > 72 ? `${text.slice(0, 72)}…` : text}`.replaceAll("\n", " ");
};

/** Try every asset; gives the exit code. */
export async function checkProject(
  folder: string,
  wanted: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const store = wanted ?? mkdtempSync(join(tmpdir(), "zeroth-check-"));
  const command = [process.execPath, join(packageFolder(), "bin", "zeroth.js")];
  let wrong = 0;
  try {
    for await (const { asset, partition, received, problems } of checkAssets(folder, { command, store, signal })) {
      const [told] = received?.materializations ?? [];
      const checks = (received?.checks ?? []).map(({ name, passed, severity }) => ({ name, passed, severity }));
      output.row({
        ...{ asset, partition, data_version: told?.dataVersion ?? null, metadata: told?.metadata ?? null },
        ...{ checks, messages: received?.methods ?? [], problems },
      });
      output.text(`${output.bold(asset)}${partition === undefined ? "" : `  ${partition}`}\n`);
      for (const [name, value] of Object.entries(told?.metadata ?? {})) output.text(`  ${name}: ${shown(value)}\n`);
      for (const { name, passed, severity } of checks) {
        output.text(`  check ${name}: ${passed ? "passed" : `failed (${severity})`}\n`);
      }
      for (const problem of problems) output.text(`  wrong: ${problem}\n`);
      wrong += problems.length;
    }
  } finally {
    if (wanted === undefined) rmSync(store, { recursive: true, force: true });
  }
  return wrong > 0 ? 4 : 0;
}
