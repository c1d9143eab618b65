/** Answers in the background where several servers share what is kept, and where one of them is gone. */
import { expect, test, vi } from "vitest";
import { type Asked, everybody } from "../context.ts";
import { asKnown, createBackground } from "./background.ts";
import { type Answering, emptyResponse } from "./events.ts";
import { responsesInMemory } from "./store.ts";

const times = { beat: 10, gone: 200 };

/** A request whose answer is written a word at a time until its signal fires, or until it fails. */
function begun(words: number, error?: Error) {
  const controller = new AbortController();
  const ended: number[] = [];
  const asked: Asked = {
    ...{ id: "req_1", started: 0, signal: controller.signal, owner: everybody, route: "", streams: false },
    tuned: async () => ({ own: new Set(), others: new Set() }),
    detach() {},
    stop: () => controller.abort(new DOMException("stopped", "AbortError")),
    end: (status) => ended.push(status),
    admit: () => true,
  };
  const response = emptyResponse({ model: "fake", input: "hi" });
  const answer: Answering = {
    response,
    async *events() {
      for (let i = 0; i < words; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        asked.signal.throwIfAborted();
        if (error && i === 2) throw error;
        yield { event: "word", data: { i } };
      }
      response.status = "completed";
      yield { event: "whole", data: {} };
    },
    broken(problem) {
      response.status = "failed";
      response.error = { code: "server_error", message: String(problem) };
      return [];
    },
  };
  return { owner: "me", asked, answer, kept: { input: [] }, ended };
}

test("cancelled through another server, it ends where it is written and stays cancelled", async () => {
  const store = responsesInMemory();
  const [here, there] = [createBackground(store, Date.now, times), createBackground(store, Date.now, times)];
  const one = begun(10_000);
  await here.begin(one);
  const { id } = one.answer.response;
  await there.cancel("me", id);
  await vi.waitFor(() => expect(one.ended).toEqual([499]));
  expect((await store.get("me", id))!.response.status).toBe("cancelled");
});

test("forgotten meanwhile, it ends and does not come back", async () => {
  const store = responsesInMemory();
  const one = begun(10_000);
  await createBackground(store, Date.now, times).begin(one);
  await store.delete("me", one.answer.response.id);
  await vi.waitFor(() => expect(one.ended).toEqual([499]));
  expect(await store.get("me", one.answer.response.id)).toBeUndefined();
});

test("one that fails is kept as failed, with what went wrong", async () => {
  const store = responsesInMemory();
  const one = begun(10, new Error("no room"));
  await createBackground(store, Date.now, times).begin(one);
  await vi.waitFor(() => expect(one.ended).toEqual([500]));
  const kept = (await store.get("me", one.answer.response.id))!;
  expect(asKnown(kept, Date.now() + 10 * times.gone, times)).toMatchObject({
    status: "failed",
    error: { message: /no room/ },
  });
});

test("it counts as written while its server says so, and as failed when that is silent", async () => {
  const store = responsesInMemory();
  const one = begun(60);
  await createBackground(store, Date.now, times).begin(one);
  const { id } = one.answer.response;
  await new Promise((resolve) => setTimeout(resolve, times.gone));
  const kept = (await store.get("me", id))!;
  expect(asKnown(kept, Date.now(), times).status).toBe("in_progress");
  const silent = asKnown(kept, kept.beat! + times.gone, times);
  expect(silent).toMatchObject({ status: "failed", error: { code: "server_error" } });
  one.asked.stop();
});

test("a follower hears every event once, from where it says, and the end", async () => {
  const store = responsesInMemory();
  const background = createBackground(store, Date.now, times);
  const one = begun(5);
  await background.begin(one);
  const follow = background.follow("me", one.answer.response.id)!;
  expect(background.follow("you", one.answer.response.id)).toBeUndefined();
  const seen: unknown[] = [];
  for await (const { data } of follow(2)) seen.push(data);
  expect(seen).toEqual([{ i: 2 }, { i: 3 }, { i: 4 }, {}]);
});

test("cancelled between a look and a change, it stays cancelled", async () => {
  const store = responsesInMemory();
  const one = begun(10_000);
  const { id } = one.answer.response;
  const there = createBackground(store, Date.now, times);
  let between = false;
  // Its server looks, then another one cancels, then it writes.
  const slow = {
    ...store,
    async get(owner: string, wanted: string) {
      const kept = await store.get(owner, wanted);
      if (!between) {
        between = true;
        await there.cancel(owner, wanted);
      }
      return kept;
    },
  };
  await createBackground(slow, Date.now, times).begin(one);
  await vi.waitFor(() => expect(one.ended).toEqual([499]));
  expect((await store.get("me", id))!.response.status).toBe("cancelled");
});
