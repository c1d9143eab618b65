/**
 * Which models are open: each opened once however many ask, closed when nobody has used it for a while, and, where
 * memory is short, the one that was used longest ago first. Closing waits for whoever uses a model.
 */
import { fail, throwIfAborted } from "../errors.ts";
import type { ModelState } from "./engine.ts";
import { waitFor } from "./waiting.ts";

export interface Slots<T> extends AsyncDisposable {
  /** Use a model, opened where it is not; it stays open until `release`. */
  claim(id: string, signal?: AbortSignal): Promise<Claim<T>>;
  /** Close it when whoever uses it has done; at once where it is still being opened. */
  close(id: string): Promise<void>;
  states(): readonly (ModelState & { readonly model?: T })[];
}

export interface Claim<T> {
  readonly model: T;
  release(): void;
}

export interface Opening<T> {
  /** Bytes of memory that it will take. */
  readonly bytes: number;
  open(): Promise<T>;
}

export interface SlotOptions<T> {
  /**
   * Find what is to be opened, downloading it where need be; several at a time. Memory is asked for afterwards, and
   * opening itself is one after another.
   */
  readonly prepare: (
    id: string,
    signal: AbortSignal,
    progress: (done: number, total: number) => void,
  ) => Promise<Opening<T>>;
  /** Bytes that all open models may take together. */
  readonly memory: number;
  /** Milliseconds of idleness after which a model is closed. */
  readonly closesAfter: number;
  /** Models that stay. */
  readonly pinned: ReadonlySet<string>;
}

interface Slot<T> {
  readonly id: string;
  state: ModelState["state"];
  progress: ModelState["progress"];
  opened: Promise<T>;
  model: T | undefined;
  /** Of memory, once it has been granted. */
  bytes: number;
  claims: number;
  lastUsed: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  readonly stop: AbortController;
  /** Called when the last claim has gone. */
  unused: () => void;
  closed: Promise<void> | undefined;
}

const sized = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;

export function createSlots<T extends AsyncDisposable>({
  prepare,
  memory,
  closesAfter,
  pinned,
}: SlotOptions<T>): Slots<T> {
  const slots = new Map<string, Slot<T>>();
  const ended = new AbortController();
  let admission: Promise<unknown> = Promise.resolve();

  const waitingForUnused = new Set<() => void>();
  const someUnused = () => new Promise<void>((resolve) => waitingForUnused.add(resolve));

  /** Which is to be closed first: one that nobody uses, else one that is to be closed already. */
  const order = ({ claims, closed }: Slot<T>): number => (claims === 0 ? 0 : closed ? 1 : 2);

  const remove = (slot: Slot<T>) => {
    clearTimeout(slot.timer);
    if (slots.get(slot.id) === slot) slots.delete(slot.id);
  };

  function closeSlot(slot: Slot<T>): Promise<void> {
    slot.closed ??= (async () => {
      const opening = slot.state === "opening";
      slot.state = "closing";
      clearTimeout(slot.timer);
      if (opening) slot.stop.abort();
      const model = await slot.opened.catch(() => undefined);
      if (slot.claims > 0) {
        await new Promise<void>((resolve) => {
          slot.unused = resolve;
        });
      }
      try {
        await model?.[Symbol.asyncDispose]();
      } finally {
        remove(slot);
      }
    })();
    return slot.closed;
  }

  /** Make room, or say why there is none. */
  async function admit(slot: Slot<T>, bytes: number): Promise<void> {
    if (bytes > memory) {
      fail("out_of_memory", `needs about ${sized(bytes)} of memory, ${sized(memory)} are there for models`, {
        where: slot.id,
        hint: "a smaller model, or one stored in fewer bits (zeroth quantize)",
      });
    }
    for (;;) {
      throwIfAborted(slot.stop.signal);
      const others = [...slots.values()].filter((other) => other !== slot && other.bytes > 0);
      const used = others.reduce((sum, other) => sum + other.bytes, 0);
      if (used + bytes <= memory) break;
      const going = others
        .filter(({ id }) => !pinned.has(id))
        .sort((a, b) => order(a) - order(b) || a.lastUsed - b.lastUsed)[0];
      if (!going) {
        return fail(
          "out_of_memory",
          `needs about ${sized(bytes)} of memory beside the ${sized(used)} of models that stay open, ${sized(memory)} are there for models`,
          { where: slot.id, hint: "pin fewer models, or take a smaller one" },
        );
      }
      // One that is used goes as soon as it is not, unless another is unused before it.
      const closed = closeSlot(going);
      await waitFor(going.claims === 0 ? closed : Promise.race([closed, someUnused()]), slot.stop.signal);
    }
    slot.bytes = bytes;
  }

  function begin(id: string): Slot<T> {
    const slot: Slot<T> = {
      ...{ id, state: "opening", progress: undefined, model: undefined, bytes: 0, claims: 0, timer: undefined },
      ...{ lastUsed: Date.now(), stop: new AbortController(), unused: () => {}, closed: undefined },
      opened: Promise.resolve() as unknown as Promise<T>,
    };
    slots.set(id, slot);
    const open = async (): Promise<T> => {
      const opening = await prepare(id, slot.stop.signal, (done, total) => {
        slot.progress = { done, total };
      });
      const turn = admission.then(async () => {
        throwIfAborted(slot.stop.signal);
        await admit(slot, opening.bytes);
        return opening.open();
      });
      admission = turn.catch(() => {});
      const model = await turn;
      slot.model = model;
      slot.progress = undefined;
      if (slot.state === "opening") slot.state = "ready";
      return model;
    };
    slot.opened = open();
    slot.opened.then(
      () => rest(slot),
      () => remove(slot),
    );
    return slot;
  }

  /** Nobody uses it now: the time until it is closed begins. */
  function rest(slot: Slot<T>): void {
    if (slot.claims > 0) return;
    slot.unused();
    for (const wake of waitingForUnused) wake();
    waitingForUnused.clear();
    if (slot.state !== "ready" || pinned.has(slot.id) || closesAfter === Infinity) return;
    clearTimeout(slot.timer);
    slot.timer = setTimeout(() => {
      // What goes wrong while closing has nobody to be told to: it is gone from the list all the same.
      if (slot.claims === 0) closeSlot(slot).catch(() => {});
    }, closesAfter);
    // Waiting to close something keeps no program alive.
    (slot.timer as { unref?: () => void }).unref?.();
  }

  const release = (slot: Slot<T>) => {
    slot.claims--;
    slot.lastUsed = Date.now();
    rest(slot);
  };

  return {
    async claim(id, signal) {
      for (;;) {
        throwIfAborted(signal);
        if (ended.signal.aborted) fail("interrupted", "the engine is being closed");
        const slot = slots.get(id) ?? begin(id);
        if (slot.closed) {
          await waitFor(slot.closed, signal);
          continue;
        }
        // Claimed before it is open, so that nothing closes it in between.
        clearTimeout(slot.timer);
        slot.claims++;
        try {
          const model = await waitFor(slot.opened, signal);
          let held = true;
          const once = () => {
            if (held) release(slot);
            held = false;
          };
          return { model, release: once };
        } catch (error) {
          release(slot);
          throw error;
        }
      }
    },
    async close(id) {
      const slot = slots.get(id);
      if (slot) await closeSlot(slot);
    },
    states: () =>
      [...slots.values()].map(({ id, state, progress, lastUsed, claims, model }) => ({
        ...{ id, state, lastUsed: claims > 0 ? Date.now() : lastUsed },
        ...(state === "opening" && progress && { progress }),
        ...(!pinned.has(id) && closesAfter !== Infinity && { closesAfter }),
        ...(model && { model }),
      })),
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.allSettled([...slots.values()].map(closeSlot));
    },
  };
}
