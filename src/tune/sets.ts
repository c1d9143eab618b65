/**
 * Several files of rows tuned together over one prefix, as P-tuning v2's multi-task setting has it: a head of each
 * file's own over what all share, every batch of one file. The heads are rows of one matrix, and an example's scores
 * are those of its own file's rows alone, which is the same as matrices apart.
 */
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import type { Architecture } from "../models/family.ts";
import type { Part } from "./long.ts";
import type { ReadRows } from "./rows.ts";

/** The rows of one task among several. */
export interface TuneSet {
  readonly data: ReadRows;
  readonly held?: ReadRows | undefined;
}

/** A task among several: its classes, and the row of the matrix of all heads that its own begin with. */
export interface NamedSet {
  readonly name: string;
  readonly labels: readonly string[];
  readonly from: number;
}

/** Names of tasks by their files: the same for no two, and none that a run's folder has for something else. */
export function namesOf(files: readonly string[]): string[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const stem = (file.split(/[\\/]/).at(-1) ?? "").replace(
      /\.(jsonl|csv|tsv|parquet|conll|bio|iob2?|txt)(\.gz)?$/i,
      "",
    );
    const plain = stem.replace(/[^\w.-]+/g, "-").replace(/^(\.|checkpoint-|trial-)/, "task-") || "task";
    let name = plain;
    for (let again = 2; taken.has(name); again++) name = `${plain}-${again}`;
    taken.add(name);
    return name;
  });
}

/** @throws unsupported for tasks whose heads are not kept apart */
export function needApart(head: TaskHead | undefined, method: string): void {
  if (method === "full") fail("unsupported", "full fine-tuning on several files: a model has one head");
  if (head === undefined || head === "sequence" || head === "tokens") return;
  fail("unsupported", `several files whose heads tell ${head === "span" ? "answers" : "choices"}`, {
    hint: "rows of one head need no other: put them into one file",
  });
}

const never = -1e9;

/** A network whose head gives, of all classes, those of an example's own task: by an input `there` [batch, classes]. */
export function withHeadsApart(model: Architecture, head: TaskHead, classes: number): Architecture {
  if (model.kind !== "encoder") return model;
  return {
    ...model,
    network(scope, options) {
      const made = model.network(scope, options);
      const write = made.heads[head];
      if (!write) return made;
      const there = input("there", "float32", ["batch", classes]);
      const apart = (scores: Tensor) =>
        o.add(scores, scores.shape.length === 3 ? o.reshape(there, ["batch" as Dim, 1, classes]) : there);
      return {
        ...made,
        heads: { ...made.heads, [head]: (...given: Parameters<typeof write>) => apart(write(...given)) },
      };
    },
  };
}

/** The input `there` of a batch. */
export function thereOf(examples: readonly Part[], sets: readonly NamedSet[], classes: number): NdArray {
  const there = new Float32Array(examples.length * classes).fill(never);
  examples.forEach(({ task = 0 }, row) => {
    const { from, labels } = sets[task]!;
    there.fill(0, row * classes + from, row * classes + from + labels.length);
  });
  return float32([examples.length, classes], there);
}

/** Rows of a matrix, or numbers of a vector, of one task. */
export function ownRows({ shape, data }: NdArray, { from, labels }: NamedSet): NdArray {
  const each = shape.slice(1).reduce((a, b) => a * b, 1);
  const part = (data as Float32Array).slice(from * each, (from + labels.length) * each);
  return float32([labels.length, ...shape.slice(1)], part);
}
