/** Two questions asked at once: two models, or one model with two wordings. */
import { batch, signal } from "@preact/signals";
import { Problem } from "../../client/client.ts";
import { type Answer, type Run, run } from "../../parts/run.ts";
import { kept } from "../../state/kept.ts";
import { takeShared } from "../../state/route.ts";
import { client, model } from "../../state/session.ts";
import { drawing } from "../../state/settings.ts";

interface Draft {
  readonly prompt: string;
  /** Of the second side, where it is asked in other words. */
  readonly other: string;
  readonly rewording: boolean;
  /** Models of both sides; "" is the one chosen elsewhere. */
  readonly left: string;
  readonly right: string;
}

export const draft = kept<Draft>("compare.draft", { prompt: "", other: "", rewording: false, left: "", right: "" });
export const setDraft = (change: Partial<Draft>): void => {
  draft.value = { ...draft.value, ...change };
};

export const runs = signal<readonly [Run, Run] | undefined>(undefined);
export const running = signal(false);
export const trouble = signal<Problem | undefined>(undefined);

export const modelOf = (side: "left" | "right"): string => draft.value[side] || (model.value?.id ?? "");
export const promptOf = (side: "left" | "right"): string =>
  side === "right" && draft.value.rewording ? draft.value.other : draft.value.prompt;

export async function compare(): Promise<void> {
  const now = client.value;
  if (running.value || !now) return;
  runs.value = undefined;
  trouble.value = undefined;
  const { prompt, rewording, other } = draft.value;
  if (prompt.trim() === "" || (rewording && other.trim() === "")) {
    const hint = prompt.trim() === "" ? "Type a prompt first." : "Type the other wording, or take it away.";
    trouble.value = new Problem("There is nothing to compare yet.", { hint });
    return;
  }
  const start = (side: "left" | "right") =>
    run(now, { model: modelOf(side), prompt: { text: promptOf(side) }, settings: drawing.value, top: 1 });
  const both = [start("left"), start("right")] as const;
  batch(() => {
    runs.value = both;
    running.value = true;
  });
  await Promise.all(both.map(({ done }) => done));
  running.value = false;
}

/** Both answers as far as the slower one has come: they are read in step. */
export function inStep([left, right]: readonly [Answer, Answer]): readonly [Answer, Answer] {
  if (left.state !== "running" && right.state !== "running") return [left, right];
  const most = Math.min(
    left.state === "running" ? left.tokens.length : Infinity,
    right.state === "running" ? right.tokens.length : Infinity,
  );
  const cut = (answer: Answer): Answer => ({ ...answer, tokens: answer.tokens.slice(0, most) });
  return [cut(left), cut(right)];
}

export function takeLink(): void {
  const { prompt, model: wanted, settings } = takeShared();
  if (settings) drawing.value = settings;
  if (prompt !== undefined) setDraft({ prompt, ...(wanted && { left: wanted }) });
}
