/** What is asked, what was answered, and the branches of an answer. */
import { computed, effect, signal } from "@preact/signals";
import { type Chance, type ChoiceScore, Problem, problemOf } from "../../client/client.ts";
import { type Answer, run, stopAll, stoppable } from "../../parts/run.ts";
import { type Entry, forget, keep, kept, newId, readAll } from "../../state/kept.ts";
import { takeShared } from "../../state/route.ts";
import { chooseModel, client, model } from "../../state/session.ts";
import { drawing } from "../../state/settings.ts";

/** An answer, and from where it left another one. */
export interface Branch {
  readonly answer: Answer;
  readonly from?: { readonly branch: number; readonly at: number };
}

export interface Asked extends Entry {
  readonly model: string;
  readonly prompt: string;
  readonly choices: readonly string[];
  readonly branches: readonly Branch[];
  /** The branch that is shown. */
  readonly at: number;
  readonly scores?: readonly ChoiceScore[];
}

export interface Draft {
  readonly prompt: string;
  /** One a line. */
  readonly choices: string;
  readonly choosing: boolean;
}

export const draft = kept<Draft>("ask.draft", { prompt: "", choices: "", choosing: false });
export const asked = signal<Asked | undefined>(undefined);
export const running = signal(false);
export const trouble = signal<Problem | undefined>(undefined);
export const earlier = signal<readonly Asked[]>([]);

export const choices = computed(() =>
  draft.value.choosing
    ? draft.value.choices
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean)
    : [],
);

export const setDraft = (change: Partial<Draft>): void => {
  draft.value = { ...draft.value, ...change };
};

const likeliest = 8;

async function save(entry: Asked): Promise<void> {
  const changed = { ...entry, changed: Date.now() };
  await keep("asks", changed);
  earlier.value = [changed, ...earlier.value.filter(({ id }) => id !== entry.id)];
}

/** Says what is missing, or nothing. */
function missing(): Problem | undefined {
  if (draft.value.prompt.trim() === "") {
    return new Problem("There is nothing to answer yet.", { hint: "Type a prompt, or take one of the examples." });
  }
  if (draft.value.choosing && choices.value.length < 2) {
    return new Problem("To choose, the model needs at least two choices.", { hint: "Write one a line." });
  }
  return undefined;
}

export async function ask(): Promise<void> {
  if (running.value) return;
  trouble.value = missing();
  asked.value = undefined;
  const now = client.value;
  if (trouble.value || !now) return;
  const prompt = { text: draft.value.prompt };
  const entry: Asked = {
    ...{ id: newId(), changed: Date.now(), model: model.value?.id ?? "", prompt: draft.value.prompt },
    ...{ choices: choices.value, branches: [], at: 0 },
  };
  if (choices.value.length === 0) return answerWith(entry);
  running.value = true;
  try {
    const question = { model: entry.model, prompt, settings: drawing.value };
    const scores = await stoppable((signal) => now.score(question, entry.choices, signal));
    asked.value = { ...entry, scores };
    await save(asked.value);
  } catch (error) {
    const problem = problemOf(error);
    if (!problem.stopped) trouble.value = problem;
  } finally {
    running.value = false;
  }
}

/** A further branch of this entry, shown while it comes. */
async function answerWith(entry: Asked, begun: Answer["tokens"] = [], from?: Branch["from"]): Promise<void> {
  const now = client.value;
  if (!now) return;
  running.value = true;
  trouble.value = undefined;
  const at = entry.branches.length;
  const started = run(now, {
    ...{ model: entry.model, prompt: { text: entry.prompt }, settings: drawing.value, top: likeliest },
    ...(begun.length > 0 && { begun }),
  });
  const unfollow = effect(() => {
    const branch: Branch = { answer: started.answer.value, ...(from && { from }) };
    asked.value = { ...entry, branches: [...entry.branches, branch], at };
  });
  const answer = await started.done;
  unfollow();
  running.value = false;
  if (answer.problem) {
    trouble.value = answer.problem;
    // What has come of it stays to be read.
    if (answer.tokens.length === 0) asked.value = entry.branches.length > 0 ? entry : undefined;
    return;
  }
  if (asked.value) await save(asked.value);
}

/** Goes on from another token; what was there stays as its own branch. */
export function goOn(at: number, chance: Chance): void {
  const entry = asked.value;
  const branch = entry?.branches[entry.at];
  if (!entry || !branch || running.value) return;
  const begun = [...branch.answer.tokens.slice(0, at), chance];
  void answerWith(entry, begun, { branch: entry.at, at });
}

/** Another answer to the same question. */
export function again(): void {
  if (asked.value?.scores) void ask();
  else if (asked.value && !running.value) void answerWith(asked.value);
}

export function walk(step: number): void {
  const entry = asked.value;
  if (!entry || running.value) return;
  const at = Math.max(0, Math.min(entry.branches.length - 1, entry.at + step));
  if (at !== entry.at) asked.value = { ...entry, at };
}

export const stop = (): void => {
  stopAll();
};

export function reopen(entry: Asked): void {
  stopAll();
  trouble.value = undefined;
  asked.value = entry;
  setDraft({ prompt: entry.prompt, choices: entry.choices.join("\n"), choosing: entry.choices.length > 0 });
}

export async function forgetAsked(id: string): Promise<void> {
  earlier.value = earlier.value.filter((entry) => entry.id !== id);
  if (asked.value?.id === id) asked.value = undefined;
  await forget("asks", id);
}

export function anew(): void {
  stopAll();
  asked.value = undefined;
  trouble.value = undefined;
  setDraft({ prompt: "", choices: "", choosing: false });
}

/** What a shared link holds comes into the page; a link runs nothing by itself. */
export function takeLink(): void {
  const { prompt, choices = "", settings, model: wanted } = takeShared();
  if (settings) drawing.value = settings;
  if (wanted) chooseModel(wanted);
  if (prompt === undefined) return;
  asked.value = undefined;
  setDraft({ prompt, choices, choosing: choices !== "" });
}

let read = false;

export async function readEarlier(): Promise<void> {
  if (read) return;
  read = true;
  earlier.value = await readAll<Asked>("asks");
}
