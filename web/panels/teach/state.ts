/** What is taught: the rows, what was chosen, how the lesson goes, and what has come of it. */
import { computed, signal } from "@preact/signals";
import { type ChoiceScore, type Client, type ModelCard, Problem, problemOf } from "../../client/client.ts";
import type { Course, Judged, Lesson, LessonTold, Method, Shown, Taught } from "../../client/teach.ts";
import { download } from "../../parts/download.ts";
import { stopAll, stoppable } from "../../parts/run.ts";
import { zipOf } from "../../parts/zip.ts";
import { go } from "../../state/route.ts";
import { chooseModel, client, clientFor, models, refresh, where } from "../../state/session.ts";
import type { Example } from "./examples.ts";
import { type Columns, guessColumns, linesOf, readTable, type Table } from "./table.ts";

export type Place = Client["where"];

export const table = signal<Table | undefined>(undefined);
export const source = signal("");
export const columns = signal<Columns>({ text: 0, label: 1 });
export const lines = computed(() => (table.value ? linesOf(table.value, columns.value) : undefined));

export interface Choices {
  readonly method: Method;
  readonly epochs: number;
  /** Share of the rows that is judged by. */
  readonly held: number;
  readonly rate?: number;
  readonly length?: number;
}

export const choices = signal<Choices>({ method: "p-tuning-v2", epochs: 15, held: 0.2 });
export const name = signal("");
export const trouble = signal<Problem | undefined>(undefined);

/** Where it is taught: where models run, unless the person says otherwise or that place cannot. */
const chosenPlace = signal<Place | undefined>(undefined);
export const place = computed<Place>(() => chosenPlace.value ?? client.value?.where ?? "browser");
/** Why the server cannot teach, once it was asked. */
export const serverTrouble = signal<Problem | undefined>(undefined);

const chosenModel = signal("");
/** Models that can be taught where it is taught. */
export const bases = computed<readonly ModelCard[]>(() => {
  const card: ModelCard = { id: "zeroth-nano", can: ["generate", "score"], state: "closed" };
  const here = client.value?.where === place.value ? models.value : [card];
  return here.filter(({ can, taught, id }) => can.includes("generate") && !taught && !id.includes(":"));
});
export const base = computed(() => bases.value.find(({ id }) => id === chosenModel.value) ?? bases.value[0]);
export const chooseBase = (id: string): void => {
  chosenModel.value = id;
};

export function choosePlace(to: Place): void {
  chosenPlace.value = to;
  trouble.value = undefined;
  void readTaught();
}

/** Asks the server whether it teaches; where it does not, this browser does. */
export async function askServer(): Promise<void> {
  if (client.value?.where !== "server" || serverTrouble.value) return;
  try {
    await clientFor("server").teacher.able();
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status !== undefined && problem.status !== 404) return;
    serverTrouble.value = problem;
    if (chosenPlace.value === undefined && !lesson.value) chosenPlace.value = "browser";
  }
}

export async function takeText(text: string, called: string): Promise<void> {
  trouble.value = undefined;
  try {
    const read = await readTable(text, called);
    source.value = called;
    columns.value = guessColumns(read);
    table.value = read;
    name.value = nameOf(called);
  } catch (error) {
    const { message } = error as Error;
    table.value = undefined;
    trouble.value = new Problem("This table cannot be read.", {
      hint: "The first line names the columns, every further line is a row: as spreadsheets save CSV.",
      details: message,
    });
  }
}

export async function takeFile(file: File): Promise<void> {
  if (file.size > 64e6) {
    trouble.value = new Problem("This file is larger than a page should hold.", {
      hint: "zeroth tune on the command line takes files of any size.",
    });
    return;
  }
  await takeText(await file.text(), file.name);
}

export async function takeExample({ csv, title, asks }: Example): Promise<void> {
  await takeText(csv, title);
  tried.value = { text: asks };
}

/** What may stand behind a colon of a model's name. */
export const nameOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\.[a-z]{2,6}$/, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[-._]+|[-._]+$/g, "")
    .slice(0, 40) || "lesson";

export interface Point {
  readonly step: number;
  readonly value: number;
}

export interface LessonState {
  readonly state: "opening" | "running" | "paused" | "ending" | "done" | "stopped" | "failed";
  readonly place: Place;
  readonly base: string;
  readonly labels: readonly string[];
  readonly majority?: number;
  readonly steps?: number;
  readonly counted?: { readonly trained: number; readonly parameters: number };
  readonly held?: number;
  readonly losses: readonly Point[];
  readonly judged: readonly (Judged & { readonly best: boolean })[];
  readonly samples: readonly Shown[];
  readonly warnings: readonly string[];
  /** The name of what was taught. */
  readonly model?: string;
}

export const lesson = signal<LessonState | undefined>(undefined);
export const taught = signal<readonly Taught[]>([]);
let course: Course | undefined;

export const bestOf = ({ judged }: Pick<LessonState, "judged">): Judged | undefined =>
  judged.findLast(({ best }) => best) ?? judged.at(-1);

export const isRunning = computed(() =>
  ["opening", "running", "paused", "ending"].includes(lesson.value?.state ?? "done"),
);

function heard(before: LessonState, told: LessonTold): LessonState {
  switch (told.kind) {
    case "started":
      return {
        ...{ ...before, state: "running", steps: told.steps },
        ...(told.held !== undefined && { held: told.held }),
      };
    case "counted":
      return { ...before, counted: told };
    case "step":
      return { ...before, steps: told.steps, losses: [...before.losses, { step: told.step, value: told.loss }] };
    case "judged":
      return { ...before, judged: [...before.judged, told] };
    case "shown":
      return { ...before, samples: told.samples };
    case "warned":
      return { ...before, warnings: [...before.warnings, told.text] };
    case "taught":
      return { ...before, state: "done", model: told.model };
  }
}

/** A name that nothing is called by yet: what was taught before is not written over. */
function unused(model: string, wanted: string): string {
  const known = new Set(taught.value.map(({ id }) => id));
  let called = wanted;
  for (let i = 2; known.has(`${model}:${called}`); i++) called = `${wanted}-${i}`;
  return called;
}

function asked(): Lesson | undefined {
  const found = lines.value;
  if (!found || !base.value) {
    trouble.value = new Problem("There are no rows to learn from yet.", { hint: "Drop a table, or take the example." });
    return undefined;
  }
  if (found.missing) {
    trouble.value = new Problem(found.missing);
    return undefined;
  }
  const { rows, classes } = found;
  const model = base.value.id;
  return { model, name: unused(model, nameOf(name.value)), rows, classes, seed: 1, ...choices.value };
}

export async function start(): Promise<void> {
  if (isRunning.value) return;
  trouble.value = undefined;
  const given = asked();
  if (!given) return;
  const { labels, rows } = lines.value!;
  const majority = given.classes ? labels[0]![1] / rows.length : undefined;
  const at = place.value;
  let now: LessonState = {
    ...{ state: "opening", place: at, base: given.model, losses: [], judged: [], samples: [], warnings: [] },
    labels: given.classes ? labels.map(([label]) => label) : [],
    ...(majority !== undefined && { majority }),
  };
  lesson.value = now;
  results.value = undefined;
  const { teacher } = clientFor(at);
  course = teacher.teach(given);
  try {
    for await (const told of course.told) {
      now = heard({ ...now, state: lesson.value.state }, told);
      lesson.value = now;
    }
  } catch (error) {
    const problem = problemOf(error);
    lesson.value = { ...now, state: problem.stopped ? "stopped" : "failed" };
    if (!problem.stopped) trouble.value = problem;
    return;
  } finally {
    course = undefined;
  }
  const { model, base: over } = now;
  if (!model) return;
  const best = bestOf(now);
  await teacher.note({
    ...{ id: model, changed: Date.now(), base: over, labels: now.labels },
    ...(best && { best: { step: best.step, metric: best.metric, value: best.value } }),
    ...(majority !== undefined && { majority }),
  });
  await Promise.all([readTaught(), refresh()]);
  open(
    taught.value.find(({ id }) => id === model),
    at,
  );
  void tryOut();
}

const become = (state: LessonState["state"]) => {
  if (lesson.value) lesson.value = { ...lesson.value, state };
};

export function pause(): void {
  course?.pause();
  become("paused");
}

export function goOn(): void {
  course?.goOn();
  become("running");
}

export function finish(): void {
  course?.finish();
  become("ending");
}

export function drop(): void {
  course?.drop();
}

/** What is tried: a model that was taught, and where it is. */
export const opened = signal<{ readonly taught: Taught; readonly place: Place } | undefined>(undefined);

export function open(one: Taught | undefined, at: Place = place.value): void {
  opened.value = one && { taught: one, place: at };
  results.value = undefined;
}

export async function readTaught(): Promise<void> {
  taught.value = await clientFor(place.value)
    .teacher.taught()
    .catch(() => []);
}

export const tried = signal<{ readonly text: string }>({ text: "" });

/** What one of the two says. */
export interface Said {
  readonly scores?: readonly ChoiceScore[];
  readonly text?: string;
}

export const results = signal<{ readonly text: string; readonly frozen: Said; readonly taught: Said } | undefined>(
  undefined,
);
export const trying = signal(false);

async function saidBy(
  at: Place,
  id: string,
  text: string,
  labels: readonly string[],
  stop: AbortSignal,
): Promise<Said> {
  const ask = { model: id, prompt: { text }, settings: { temperature: 0, maxTokens: 64 } };
  const now = clientFor(at);
  if (labels.length > 0) return { scores: await now.score(ask, labels, stop) };
  let said = "";
  for await (const told of now.answer(ask, stop)) if (told.kind === "token") said += told.token.text;
  return { text: said };
}

/** The text of one's own to the frozen model and to the taught one. */
export async function tryOut(): Promise<void> {
  const found = opened.value;
  const { text } = tried.value;
  if (!found || text.trim() === "" || isRunning.value) return;
  if (trying.value) stopAll();
  trying.value = true;
  trouble.value = undefined;
  const { id, base: over, labels } = found.taught;
  try {
    await stoppable(async (stop) => {
      const frozen = await saidBy(found.place, over, text, labels, stop);
      const after = await saidBy(found.place, id, text, labels, stop);
      if (!stop.aborted) results.value = { text, frozen, taught: after };
    });
  } catch (error) {
    const problem = problemOf(error);
    if (!problem.stopped) trouble.value = problem;
  } finally {
    trying.value = false;
  }
}

export async function save({ id }: Taught): Promise<void> {
  const files = (await clientFor(place.value).teacher.files?.(id)) ?? [];
  download(`${id.replace(":", "-")}.zip`, zipOf(files), "application/zip");
}

export async function forgetTaught({ id }: Taught): Promise<void> {
  await clientFor(place.value).teacher.forget?.(id);
  if (opened.value?.taught.id === id) open(undefined);
  await readTaught();
  void refresh();
}

/** Puts it in front of the model in the other panels. */
export function use({ id }: Taught, at: Place): void {
  if (client.value?.where !== at) where.value = at;
  chooseModel(id);
  go("ask");
}
