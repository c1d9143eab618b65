/** AR2's loop: what was stopped goes on as if it had not been, and what learns nothing, or from who knows less, is refused. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { retrieverData } from "../../../test/support/retriever-data.ts";
import { trainStage } from "./run-node.ts";
import type { StageRow } from "./stage-node.ts";
import { flatWatch, needApart } from "./watch.ts";

const { folder, configOf } = retrieverData();
const alike = retrieverData({ same: true });

const both = (more: object = {}) => ({
  ...{ negatives: 3, iterations: 2, steps: 6, ranker_steps: 4, lr: 0.003, allow_weaker_ranker: true },
  ...{ mining: { source: "dense", depth: 20 }, ranker: join(folder, "model"), ...more },
});

describe("a loop that was stopped", () => {
  it("goes on bit for bit after its last whole iteration", async () => {
    // With everything that a step may draw or depend on.
    const how = { lambda: 0.5, adv_reduction: "sum", dropout: 0.1 };
    const run = (out: string) => configOf(out, both(how));
    const losses: number[] = [];
    await trainStage("ar2", run("whole"), { events: { step: ({ loss }) => void losses.push(loss) } });
    expect(losses).toHaveLength(20);
    const stop = new AbortController();
    let retriever = 0;
    // In the retriever's steps of the second iteration.
    const step = (row: StageRow) => void (row.stage === "retriever" && ++retriever === 9 && stop.abort());
    const stopped = trainStage("ar2", run("parted"), { signal: stop.signal, events: { step } });
    expect((await failureOf(stopped)).code).toBe("interrupted");
    const again: StageRow[] = [];
    await trainStage("ar2", run("parted"), { resume: true, events: { step: (row) => void again.push(row) } });
    expect(again.map(({ loss }) => loss)).toEqual(losses.slice(10));
    for (const model of ["retriever", "ranker"]) {
      const bytes = (out: string) => readFileSync(join(folder, out, model, "model.safetensors"));
      expect(bytes("parted").equals(bytes("whole")), model).toBe(true);
    }
    expect(existsSync(join(folder, "parted", "checkpoint-10"))).toBe(false);
  });
});

describe("what learns nothing", () => {
  it("is a retriever whose vectors are all alike", async () => {
    const config = alike.configOf("alike", both({ ranker: join(alike.folder, "model"), steps: 2, ranker_steps: 1 }));
    expect((await failureOf(trainStage("ar2", config))).message).toMatch(
      /all vectors have become alike \(mean cosine 1\.0000\): the retriever has collapsed/,
    );
    needApart(0.98);
    expect(failure(() => needApart(0.995)).hint).toMatch(/lower lr/);
  });

  it("is a loss that stays that of guessing, or is no number", () => {
    const chance = Math.log(8);
    const guessing = flatWatch(8);
    const run = (watch: ReturnType<typeof flatWatch>, loss: (step: number) => number) => {
      for (let step = 1; step <= 300; step++) watch(loss(step), step);
    };
    expect(failure(() => run(guessing, (step) => chance * (1 + (step % 2 ? 1e-3 : -1e-3)))).message).toMatch(
      /the loss stays at 2\.079, that of guessing among 8/,
    );
    run(flatWatch(8), (step) => chance * (1 - step / 1000));
    run(flatWatch(1), () => 0);
    expect(failure(() => flatWatch(8)(Number.NaN, 7)).message).toMatch(/the loss of step 7 is NaN/);
  });

  it("is a ranker that has the right passage first less often than the retriever: neither distilled nor AR2's", async () => {
    const warm = await trainStage(
      "warmup",
      configOf("warm", { negatives: 1, mining: { source: "dense", depth: 20 }, steps: 40 }),
    );
    const refused = both({ model: warm.retriever, allow_weaker_ranker: false, ranker_lr: 1e-9 });
    for (const stage of ["ar2", "distil"] as const) {
      const told: { retriever: number; ranker: number }[] = [];
      const events = { judged: (one: { retriever: number; ranker: number }) => void told.push(one) };
      expect((await failureOf(trainStage(stage, configOf(`weaker-${stage}`, refused), { events }))).message).toMatch(
        /the ranker has the right passage first for .* would spoil the retriever/,
      );
      expect(told[0]!.ranker).toBeLessThan(told[0]!.retriever);
    }
  });
});
