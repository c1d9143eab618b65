/** The folder of adapters follows the database, on every server, and leaves alone what is a person's. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { storeFolder } from "../../state/folders-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { deleteAdapter, recordCheckpoint } from "../../state/tunings/adapters.ts";
import { acceptTuning, claimTuning, createTuning } from "../../state/tunings/tunings.ts";
import { type AdapterChange, keepAdapters, syncAdapters } from "./adapters-node.ts";

const folder = mkdtempSync(join(tmpdir(), "adapters-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

onEachDatabase((databases) => {
  let count = 0;
  const fresh = () => join(folder, `${databases.kind}-${count++}`);
  const stored = async (state: State, text: string) => {
    const from = fresh();
    mkdirSync(from);
    writeFileSync(join(from, "adapter_config.json"), text);
    return storeFolder(state, "me", { filename: "f", purpose: "p" }, from);
  };

  test("what is made is there, what is deleted is nowhere, and what is told is each change once", async () => {
    const state = await databases.open();
    await createTuning(state, "me", {
      ...{ model: "m", called: "ft", trainingFile: "f", validationFile: null, asked: {}, metadata: null, seed: 1 },
    });
    await acceptTuning(state, (await claimTuning(state, "files", "w", 60, ["m"]))!, { chosen: {}, steps: 9 });
    const claim = (await claimTuning(state, "steps", "w", 60, ["m"]))!;
    const save = async (step: number, text: string) =>
      recordCheckpoint(state, claim, {
        ...{ step, metrics: {}, run: await stored(state, "run"), adapter: await stored(state, text) },
      });
    const homes = [fresh(), fresh()];
    const own = join(homes[0]!, "adapters", "mine");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "adapter_config.json"), "{}");
    await save(1, "one");
    const told: AdapterChange[] = [];
    const works = homes.map((home, i) =>
      keepAdapters(state, home, { look: 0.2, ...(i === 0 && { changed: (change) => void told.push(change) }) }),
    );
    const name = `${claim.job.name}-step-1`;
    const read = (home: string) => readFileSync(join(home, "adapters", name, "adapter_config.json"), "utf8");
    await vi.waitFor(() => expect(homes.map(read)).toEqual(["one", "one"]), { timeout: 20_000 });
    // The same step done again is another file.
    await save(1, "once more");
    await vi.waitFor(() => expect(homes.map(read)).toEqual(["once more", "once more"]), { timeout: 20_000 });
    await deleteAdapter(state, "me", `m:${name}`);
    await vi.waitFor(
      () => expect(homes.map((home) => existsSync(join(home, "adapters", name)))).toEqual([false, false]),
      {
        timeout: 20_000,
      },
    );
    await Promise.all(works.map((work) => work.stop()));
    expect(existsSync(own)).toBe(true);
    const ids = (change: "added" | "removed") => told.flatMap((one) => one[change].map(({ id }) => id));
    expect([ids("added"), ids("removed")]).toEqual([[`m:${name}`], [`m:${name}`]]);
    expect(told[0]!.added[0]).toMatchObject({ model: "m", name, path: join(homes[0]!, "adapters", name) });
    // A folder whose note cannot be read is made anew.
    await save(2, "two");
    await syncAdapters(state, homes[0]!);
    const second = join(homes[0]!, "adapters", `${claim.job.name}-step-2`);
    writeFileSync(join(second, "fine_tuning.json"), "{");
    expect((await syncAdapters(state, homes[0]!)).map((one) => one.name)).toEqual([`${claim.job.name}-step-2`]);
    expect(readdirSync(second).sort()).toEqual(["adapter_config.json", "fine_tuning.json"]);
  });
});
