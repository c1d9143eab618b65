/**
 * A mixture of tasks as one endless stream of prompts and targets. A task is a data set in one wording. What stands at
 * a place of the stream follows from the seed and the place: no state, so a job goes on where it stopped, bit by bit.
 */

import { nameHash } from "../base/hash.ts";
import { permuted, windowOrder } from "../data/order.ts";
import { type RowData, rowsFrom } from "../data/rows.ts";
import { type Row, renamedColumns } from "../data/values.ts";
import { fail, throwIfAborted } from "../errors.ts";
import { siteSeed } from "../graph/random.ts";
import { dealer } from "./sampling.ts";
import { type Rendered, trainable, type Wording } from "./wording.ts";

export interface MixtureTask {
  /** `DATASET/WORDING`, unique. */
  readonly name: string;
  readonly dataset: string;
  readonly data: RowData;
  readonly wording: Wording;
  /** Share of the stream, relative to the other tasks'. */
  readonly rate: number;
  /** Makes the row a wording sees out of the data's. */
  readonly columns?: ((row: Row) => Row) | undefined;
}

export interface Drawn extends Rendered {
  readonly task: MixtureTask;
  /** Number of the row in the task's data. */
  readonly row: number;
}

export interface Mixture {
  readonly tasks: readonly MixtureTask[];
  /** What stands at a place of the stream, 0, 1, 2, … */
  at(place: number): Promise<Drawn>;
  /** The stream from a place on. */
  stream(from?: number, signal?: AbortSignal): AsyncGenerator<Drawn, void, undefined>;
  /** Rows so far for which a wording gave nothing that can be trained on; the task's next row took their place. */
  readonly dropped: number;
}

/** Row groups whose rows are mixed with one another, and which reading in order keeps coming back to. */
const blockWindow = 4;
/** Rows in a row that may give nothing before a wording is taken to fit none. */
const patience = 1000;
/** Places that are read at a time. */
const ahead = 32;

/** The row of a task as its wording sees it. */
const seen = ({ columns }: MixtureTask, row: Row): Row => renamedColumns(columns ? columns(row) : row);

function render(task: MixtureTask, row: Row, seed: number, index: number): Rendered | undefined {
  try {
    return trainable(task.wording.render(seen(task, row), { seed, index }));
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    return fail("bad_input", `row ${index + 1}: ${what}`, { where: task.name, cause });
  }
}

/** Which row a task comes to at each turn: every row once an epoch, in an order of its own. */
function orderOf({ name, dataset, data }: MixtureTask, seed: number): (count: number) => { row: number; seed: number } {
  const [own, shared] = [siteSeed(seed, nameHash(name), 1), siteSeed(seed, nameHash(dataset), 2)];
  let window: { epoch: number; order: ReturnType<typeof windowOrder> } | undefined;
  return (count) => {
    const epoch = Math.floor(count / data.size);
    const at = count % data.size;
    const epochSeed = siteSeed(own, epoch, 0);
    if (!data.blocks) return { row: permuted(epochSeed, data.size, at), seed: epochSeed };
    // All wordings of a data set go through its blocks in the same order, so they find them in memory.
    if (window?.epoch !== epoch)
      window = { epoch, order: windowOrder(data.blocks, siteSeed(shared, epoch, 0), blockWindow) };
    return { row: window.order(epochSeed, at), seed: epochSeed };
  };
}

/** @param seed of the order of tasks and rows, and of what is random in a wording */
export function createMixture(tasks: readonly MixtureTask[], seed: number): Mixture {
  const twice = tasks.find(({ name }, i) => tasks.findIndex((other) => other.name === name) !== i);
  if (twice) fail("bad_input", `two tasks are called ${JSON.stringify(twice.name)}`);
  const deal = dealer(
    tasks.map(({ rate, data }) => (data.size > 0 ? rate : 0)),
    siteSeed(seed, 0, 3),
  );
  const orders = tasks.map((task) => orderOf(task, seed));
  let dropped = 0;

  const at = async (place: number): Promise<Drawn> => {
    const turn = deal(place);
    const task = tasks[turn.task]!;
    for (let tried = 0; tried < patience; tried++) {
      const { row, seed: renderSeed } = orders[turn.task]!(turn.count + tried);
      const rendered = render(task, await task.data.row(row), renderSeed, row);
      if (rendered) return { ...rendered, task, row };
      dropped++;
    }
    return fail("bad_input", `gives no prompt for ${patience} rows, one after the other`, {
      where: task.name,
      hint: "leave this wording out with use: [names], or mend it",
    });
  };

  return {
    tasks,
    at,
    async *stream(from = 0, signal) {
      for (let place = from; ; place += ahead) {
        throwIfAborted(signal);
        yield* await Promise.all(Array.from({ length: ahead }, (_, i) => at(place + i)));
      }
    },
    get dropped() {
      return dropped;
    },
  };
}

export interface Pair {
  readonly task: MixtureTask;
  readonly row: number;
  /** Undefined where the wording gives nothing to train on. */
  readonly rendered: Rendered | undefined;
}

/**
 * Every row of every data set in each of its wordings, once, in the order of the files: what T0's authors made first.
 * @param seed of what is random in a wording
 */
export async function* everyPair(
  tasks: readonly MixtureTask[],
  seed: number,
  signal?: AbortSignal,
): AsyncGenerator<Pair, void, undefined> {
  for (const data of new Set(tasks.map((task) => task.data))) {
    const wordings = tasks.filter((task) => task.data === data);
    let row = 0;
    for await (const values of rowsFrom(data, 0, signal)) {
      for (const task of wordings) {
        yield { task, row, rendered: render(task, values, siteSeed(seed, nameHash(task.name), 4), row) };
      }
      row++;
    }
  }
}
