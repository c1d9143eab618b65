/** What the panel holds: where papers come from, what is being made, the digest that is shown and a person's edits of it. */
import { computed, signal } from "@preact/signals";
import type { Digest } from "../../../src/digest/document.ts";
import { swapped, withEdits } from "../../../src/digest/edited.ts";
import { type Job, Problem, problemOf } from "../../client/client.ts";
import { type DigestCard, digestsOf, type Papers, type ShownEdits } from "../../client/digests.ts";
import { caller } from "../../client/request.ts";
import { trying } from "../../parts/trying.ts";
import { takeShared } from "../../state/route.ts";
import { noteJobs, root } from "../../state/session.ts";
import { serverKey } from "../../state/settings.ts";

export const server = digestsOf(caller(root, serverKey.read));

export const trouble = signal<Problem | undefined>(undefined);
/** Why the server makes no digests. */
export const unable = signal<Problem | undefined>(undefined);

export const stores = signal<readonly Papers[]>([]);
/** A file that was dropped, with what it holds. */
export const dropped = signal<{ readonly file: File; readonly papers: Papers } | undefined>(undefined);
const chosenStore = signal<string | undefined>(undefined);
export const papers = computed<Papers | undefined>(
  () => dropped.value?.papers ?? stores.value.find(({ id }) => id === chosenStore.value) ?? stores.value[0],
);

export const group = signal("");
export const month = signal("");
export const top = signal(8);
export const delay = signal(0);
/** The model that writes; "" where sentences are the abstracts' own. */
export const writer = signal("");

/** Digests of the server's, the newest first. */
export const cards = signal<readonly DigestCard[]>([]);
const openId = signal<string | undefined>(undefined);
export const card = computed(() => cards.value.find(({ id }) => id === openId.value));
/** As it was made. */
const made = signal<{ readonly id: string; readonly digest: Digest } | undefined>(undefined);
const edits = signal<ShownEdits>({ order: [], drop: [], why: {}, insights: {} });

/** As it is shown. */
export const digest = computed<Digest | undefined>(() => {
  const now = made.value;
  if (!now || now.id !== openId.value) return undefined;
  const { month: of, group: name } = now.digest;
  return withEdits(now.digest, { format: "zeroth-digest-edits-1", month: of, group: name, ...edits.value });
});
/** Papers that a person left out. */
export const leftOut = computed(() =>
  [...(made.value?.digest.items ?? []), ...(made.value?.digest.nearMisses ?? [])].filter(({ id }) =>
    edits.value.drop.includes(id),
  ),
);
export const isEdited = computed(() => {
  const { order, drop, why, insights } = edits.value;
  return order.length + drop.length + Object.keys(why).length + Object.keys(insights).length > 0;
});

/** The sentence whose source is shown: a paper's id and a number, 0 for *why*. */
export const pointed = signal<{ readonly paper: string; readonly sentence: number } | undefined>(undefined);

/** What a person asked for; what goes wrong with it is shown. */
export const doing = (work: () => Promise<unknown>): Promise<void> => trying(trouble, work);

/** The first category and the newest month, where what stood there is not among the papers. */
function settle(): void {
  const now = papers.value;
  if (!now) return;
  if (group.value === "" && now.categories[0]) group.value = now.categories[0].name;
  if (!now.months.some((one) => one.month === month.value)) month.value = now.months[0]?.month ?? "";
}

export function chooseStore(id: string): void {
  dropped.value = undefined;
  chosenStore.value = id;
  group.value = "";
  settle();
}

function put(now: DigestCard): void {
  const others = cards.value.filter(({ id }) => id !== now.id);
  cards.value = [now, ...others].sort((a, b) => b.created_at - a.created_at);
  noteJobs("digest", cards.value.slice(0, 10).map(jobOf));
}

const jobStates = { in_progress: "running", completed: "done", failed: "failed", cancelled: "stopped" } as const;

const jobOf = ({ id, status, group: name, month: of, created_at, made_at, error }: DigestCard): Job => ({
  ...{ id, title: `Digest of ${name}, ${of}`, state: jobStates[status], started: created_at * 1000 },
  ...(made_at !== null && status === "completed" && { ended: made_at * 1000 }),
  ...(error && { problem: error.message }),
});

/** Asks the server what it has. */
export async function look(): Promise<void> {
  try {
    const [found, all] = await Promise.all([server.stores(), server.list()]);
    unable.value = undefined;
    stores.value = found;
    cards.value = all;
    settle();
    const newest = all.find(({ made_at, status }) => made_at !== null || status === "in_progress");
    if (openId.value === undefined && newest) await open(newest.id);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status === undefined) unable.value = problem;
    else trouble.value = problem;
  }
}

/** Milliseconds between two looks at what is being made. */
const pause = 500;

/** Shows a digest; one that is being made once it is made. */
export async function open(id: string): Promise<void> {
  openId.value = id;
  pointed.value = undefined;
  await doing(async () => {
    for (;;) {
      const now = await server.get(id);
      put(now);
      if (openId.value !== id) return;
      if (now.made_at !== null && made.value?.id !== id) await read(now);
      if (now.status === "in_progress") {
        await new Promise((resolve) => setTimeout(resolve, pause));
        continue;
      }
      if (now.status === "completed") await read(now);
      return;
    }
  });
}

async function read({ id, edits: kept }: DigestCard): Promise<void> {
  const found = await server.document(id);
  if (openId.value !== id) return;
  edits.value = kept ?? { order: [], drop: [], why: {}, insights: {} };
  made.value = { id, digest: found };
}

/** Takes a file of metadata; nothing is sent before a digest is asked for. */
export const take = (files: readonly File[]): Promise<void> =>
  doing(async () => {
    const [file] = files;
    if (!file) return;
    const { papersIn } = await import("./rows.ts");
    dropped.value = { file, papers: await papersIn(file) };
    group.value = "";
    settle();
  });

export const takeExample = async (): Promise<void> => {
  const { exampleFile } = await import("./examples.ts");
  await take([exampleFile()]);
};

/** Files that the server has already. */
const sent = new WeakMap<File, string>();

export const make = (): Promise<void> =>
  doing(async () => {
    const [from, name, of] = [dropped.value, group.value.trim(), month.value];
    if (!papers.value) throw new Problem("There are no papers yet.", { hint: "Drop a file, or take the example." });
    let where: { file_id: string } | { store: string } = { store: papers.value.id };
    if (from) {
      const id = sent.get(from.file) ?? (await server.upload(from.file));
      sent.set(from.file, id);
      where = { file_id: id };
    }
    const now = await server.make({
      ...{ ...where, group: name || "ai-ml", month: of, top: top.value, delay: delay.value },
      ...(writer.value !== "" && { model: writer.value }),
    });
    put(now);
    await open(now.id);
  });

export const stop = (id: string): Promise<void> => doing(async () => put(await server.cancel(id)));

export const remake = (id: string): Promise<void> =>
  doing(async () => {
    put(await server.remake(id));
    await open(id);
  });

export const remove = (id: string): Promise<void> =>
  doing(async () => {
    await server.remove(id);
    cards.value = cards.value.filter((one) => one.id !== id);
    noteJobs("digest", cards.value.slice(0, 10).map(jobOf));
    if (openId.value !== id) return;
    openId.value = undefined;
    made.value = undefined;
  });

/** Edits are shown at once and kept by the server; where it does not take them, they are as before. */
async function change(next: ShownEdits): Promise<void> {
  const [id, before] = [openId.value, edits.value];
  if (id === undefined) return;
  edits.value = next;
  await doing(async () => {
    try {
      put(await server.edit(id, next));
    } catch (error) {
      if (openId.value === id) edits.value = before;
      throw error;
    }
  });
}

const shownIds = (): string[] => digest.value?.items.map(({ id }) => id) ?? [];

/** One place up (−1) or down (1). */
export function move(id: string, by: -1 | 1): void {
  const order = shownIds();
  const at = order.indexOf(id);
  const other = order[at + by];
  if (at < 0 || other === undefined) return;
  order[at + by] = id;
  order[at] = other;
  void change({ ...edits.value, order });
}

export const leaveOut = (id: string): void =>
  void change({ ...edits.value, order: shownIds().filter((one) => one !== id), drop: [...edits.value.drop, id] });

/** Back at the end, or one that came close in. */
export const takeIn = (id: string): void =>
  void change({
    ...edits.value,
    order: [...shownIds(), id],
    drop: edits.value.drop.filter((one) => one !== id),
  });

export function swap(out: string, into: string): void {
  const [now, base] = [digest.value, made.value];
  if (!now || !base) return;
  const { month: of, group: name } = base.digest;
  const all = { format: "zeroth-digest-edits-1" as const, month: of, group: name, ...edits.value };
  const { order, drop } = swapped(all, now, out, into);
  void change({ ...edits.value, order, drop });
}

export const rewrite = (id: string, why: string, insights: readonly string[]): void =>
  void change({
    ...edits.value,
    why: { ...edits.value.why, [id]: why },
    insights: { ...edits.value.insights, [id]: [...insights] },
  });

export const undoAll = (): void => void change({ order: [], drop: [], why: {}, insights: {} });

/** What a link held: a group and a month. */
export function takeLink(): void {
  const { fields } = takeShared();
  if (fields?.group) group.value = fields.group;
  if (/^\d{4}-\d\d$/.test(fields?.month ?? "")) month.value = fields!.month!;
}
