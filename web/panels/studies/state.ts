/** What the panel holds: results that were dropped, what is asked of them, and the answer. */
import { computed, effect, signal } from "@preact/signals";
import { numberOf } from "../../../src/study/columns.ts";
import { Problem } from "../../client/client.ts";
import { trying } from "../../parts/trying.ts";
import type { FromStudies, StudyAnswer, StudyQuestion, StudyRow, ToStudies } from "./ask.ts";
import { transferExample, worthExample } from "./examples.ts";

export const rows = signal<readonly StudyRow[]>([]);
export const fileName = signal("");
export const trouble = signal<Problem | undefined>(undefined);
export const working = signal(false);
export const question = signal<StudyQuestion | undefined>(undefined);
export const answer = signal<StudyAnswer | undefined>(undefined);

export const columns = computed(() => Object.keys(rows.value[0] ?? {}));
export const numberColumns = computed(() =>
  columns.value.filter((column) => rows.value.every((row) => numberOf(row[column]) !== undefined)),
);

type Asked = ToStudies extends infer T ? (T extends { id: number } ? Omit<T, "id"> : never) : never;

let worker: Worker | undefined;
let counter = 0;
const waiting = new Map<number, { resolve: (said: FromStudies) => void; reject: (problem: Problem) => void }>();

function started(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<FromStudies>) => {
    const one = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "failed") one?.reject(new Problem(data.message, { ...(data.hint && { hint: data.hint }) }));
    else one?.resolve(data);
  });
  worker.addEventListener("error", ({ message }) => {
    const broken = new Problem("Results cannot be read in this browser.", {
      hint: "Reload the page; a browser of the last three years is needed.",
      details: message || "the worker's script did not load",
    });
    for (const one of waiting.values()) one.reject(broken);
    waiting.clear();
    worker = undefined;
  });
  return worker;
}

const ask = (message: Asked): Promise<FromStudies> =>
  new Promise((resolve, reject) => {
    const id = counter++;
    waiting.set(id, { resolve, reject });
    started().postMessage({ ...message, id });
  });

/** What a person asked for; what goes wrong with it is shown. */
async function doing(work: () => Promise<void>): Promise<void> {
  working.value = true;
  await trying(trouble, work);
  working.value = false;
}

/** The columns that are most likely meant, by their names and what is in them. */
function guess(): StudyQuestion {
  const named = (pattern: RegExp, among: readonly string[]) => among.find((column) => pattern.test(column));
  const [all, numbers] = [columns.value, numberColumns.value];
  const most = (column: string) => rows.value.reduce((top, row) => Math.max(top, numberOf(row[column]) ?? 0), 0);
  const shares = numbers.filter((column) => most(column) <= 100 && !/seed|shots?|epoch|step|labels|^n$/i.test(column));
  const size = named(/param|size|model/i, all);
  const labels = named(/labels|examples|^n$/i, numbers);
  const percentOf = (list: readonly (string | undefined)[]) =>
    list.some((column) => column !== undefined && most(column) > 1);
  if (size !== undefined && labels !== undefined) {
    const score = named(/acc|score|f1|exact/i, shares) ?? shares.at(-1) ?? numbers.at(-1) ?? all[0]!;
    return { kind: "worth", size, labels, score, group: named(/task|data/i, all) ?? "", percent: percentOf([score]) };
  }
  const us = named(/^us$|up|imagenet|jft|pre/i, shares) ?? shares[0] ?? all[0]!;
  const ds = shares.filter((column) => column !== us).at(-1) ?? us;
  const group = named(/shots?$|task/i, all) ?? "";
  return { kind: "law", us, ds, group, run: named(/^run|^id$/i, all) ?? "", percent: percentOf([us, ds]) };
}

const take = (name: string, bytes: Uint8Array): Promise<void> =>
  doing(async () => {
    const said = await ask({ kind: "read", name, bytes });
    if (said.kind !== "rows") return;
    answer.value = undefined;
    rows.value = said.rows;
    fileName.value = name;
    question.value = guess();
  });

export const add = async ([file]: readonly File[]): Promise<void> => {
  if (file) await take(file.name, new Uint8Array(await file.arrayBuffer()));
};

const examples = { law: transferExample, worth: worthExample } as const;
export const takeExample = (kind: keyof typeof examples): Promise<void> =>
  take(`made-up-${kind}.csv`, new TextEncoder().encode(examples[kind]()));

export const change = (to: Partial<StudyQuestion>): void => {
  question.value = { ...question.value!, ...to } as StudyQuestion;
};

/** The other question, with the columns that are most likely meant. */
export function choose(kind: StudyQuestion["kind"]): void {
  const { group, percent } = question.value!;
  const [all, numbers] = [columns.value, numberColumns.value];
  answer.value = undefined;
  question.value =
    kind === "law"
      ? { kind, us: numbers[0] ?? all[0]!, ds: numbers.at(-1) ?? all[0]!, group, run: "", percent }
      : { kind, size: all[0]!, labels: numbers[0] ?? all[0]!, score: numbers.at(-1) ?? all[0]!, group, percent };
}

export function forget(): void {
  [rows.value, fileName.value, question.value, answer.value, trouble.value] = [[], "", undefined, undefined, undefined];
}

let latest = 0;
// Every change of the question asks anew; of answers that overtake each other the last one asked counts.
effect(() => {
  const asked = question.value;
  if (!asked) return;
  const mine = ++latest;
  void doing(async () => {
    const said = await ask({ kind: "ask", question: asked }).catch((error) => {
      if (mine === latest) answer.value = undefined;
      throw error;
    });
    if (mine === latest && said.kind === "answer") answer.value = said.answer;
  });
});
