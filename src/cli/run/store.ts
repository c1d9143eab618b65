/** What `zeroth store` does. */
import { join } from "node:path";
import { fail } from "../../errors.ts";
import type { Backend } from "../../jobs/store/backend.ts";
import { collect, findResult, listResults, verifyStore } from "../../jobs/store/keep-node.ts";
import { placeOf } from "../../jobs/store/objects-node.ts";
import { bytes, duration, type Output } from "../output.ts";

export interface StoreCall {
  readonly todo: "ls" | "show" | "verify" | "gc";
  readonly name: string | undefined;
  readonly partition: string | undefined;
  readonly out: string | undefined;
  readonly keepRefs: boolean;
  readonly hours: number;
}

export async function keep(store: Backend, call: StoreCall, output: Output): Promise<number> {
  const { todo, name, partition, out } = call;
  if (todo === "ls") {
    for await (const row of listResults(store)) {
      if (name !== undefined && row.job !== name) continue;
      output.row(row);
      const latest = row.latest ? "" : output.dim("  (not the latest)");
      output.text(
        `${row.key.slice(0, 12)}  ${row.job}  ${row.partition}  ${bytes(row.bytes)}  ${duration(row.seconds)}${latest}\n`,
      );
    }
    return 0;
  }
  if (todo === "show") {
    if (name === undefined) fail("wrong_use", "which result?", { hint: "zeroth store show JOB PARTITION, or a key" });
    const manifest = await findResult(store, name, partition);
    if (out !== undefined) {
      for (const file of manifest.files) await store.fetch(placeOf(manifest.key, file), join(out, file.path));
      output.say(`${manifest.files.length} files in ${out}`);
    }
    output.row(manifest);
    output.text(`${JSON.stringify(manifest, null, 1)}\n`);
    return 0;
  }
  if (todo === "verify") {
    const found = await verifyStore(store, (problem) => {
      output.row(problem);
      output.text(`${problem.key.slice(0, 12)}  ${problem.problem}\n`);
    });
    output.row({ done: true, ...found });
    const { results, problems, unfinished } = found;
    output.text(`${results} results, ${problems} problems, ${unfinished} without a manifest\n`);
    if (problems > 0) output.say("what is damaged was put aside in objects.bad: the next run computes it again");
    return problems > 0 ? 4 : 0;
  }
  const removed = await collect(store, { keepRefs: call.keepRefs, hours: call.hours, now: Date.now() });
  output.row({ done: true, ...removed });
  output.text(`${removed.removed} removed, ${bytes(removed.bytes)}\n`);
  return 0;
}
