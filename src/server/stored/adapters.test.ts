/** Fine-tuned models are asked, listed and deleted by the key whose job made them, and by no other. */
import { expect, test } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine, fakeModels } from "../../../test/support/fake-engine.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";

onEachDatabase((databases) => {
  test("what another key has made is a model that is not there", async () => {
    const state = await databases.open();
    const id = "fake/decoder:mine-1";
    const fake = fakeEngine();
    const [first] = fakeModels;
    const engine = {
      ...fake,
      list: async () => [...fakeModels, { ...first!, id }],
      about: (name: string) => (name === id ? Promise.resolve({ ...first!, id }) : fake.about(name)),
      generate: (ask: Parameters<typeof fake.generate>[0], signal?: AbortSignal) =>
        fake.generate({ ...ask, model: "fake/decoder" }, signal),
    };
    const serving = await startStored(state, { engine });
    const [mine, other] = [await clientOf(state, serving), await clientOf(state, serving)];
    await state.db
      .insertInto("adapter")
      .values({ id: "a", owner: mine.id, model: "fake/decoder", name: "mine-1", job: "j", file: "f", created_at: 0 })
      .execute();
    const ask = { model: id, messages: [{ role: "user" as const, content: "hi" }] };
    expect((await mine.client.chat.completions.create(ask)).choices[0]!.message.content).toBe("ok");
    expect((await mine.client.models.retrieve(id)).id).toBe(id);
    const names = async ({ client }: typeof mine) => (await client.models.list()).data.map((one) => one.id);
    expect(await names(mine)).toContain(id);
    expect(await names(other)).not.toContain(id);
    for (const work of [
      () => other.client.chat.completions.create(ask),
      () => other.client.completions.create({ model: id, prompt: "hi" }),
      () => other.client.responses.create({ model: id, input: "hi" }),
      () => other.client.models.retrieve(id),
      () => other.client.models.delete(id),
    ]) {
      await expect(work()).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    }
    expect(await mine.client.models.delete(id)).toMatchObject({ id, deleted: true });
    // The engine is told by its folder; here it has none.
    expect(await names(other)).toContain(id);
  });
});
