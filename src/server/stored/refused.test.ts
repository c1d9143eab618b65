/** What is refused: keys that are none or have used up what they may, forms, batches, a database that is away. */
import type OpenAI from "openai";
import { toFile } from "openai";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";
import { fail } from "../../errors.ts";
import { revokeKey } from "../../state/keys-node.ts";
import type { State } from "../../state/schema/tables.ts";
import type { LogLine } from "../context.ts";
import { serve } from "../serve-node.ts";
import { storedKeys } from "./keys.ts";

const line = JSON.stringify({
  custom_id: "a",
  method: "POST",
  url: "/v1/completions",
  body: { model: "fake/decoder", prompt: "p" },
});

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });

  describe("keys", () => {
    test("open the server until they are revoked, and manage nothing", async () => {
      const lines: LogLine[] = [];
      const serving = await startStored(state, { log: (told) => lines.push(told) });
      const { client, key, id } = await clientOf(state, serving);
      await client.models.list();
      expect(lines.at(-1)).toMatchObject({ owner: id });
      expect(JSON.stringify(lines)).not.toContain(key);
      const { routes } = (await import("../app.ts")).createServer({ engine: fakeEngine(), state });
      for (const { method, path } of routes.filter(({ admin }) => admin)) {
        const answer = await fetch(`${serving.url}${path.replace(/\{\w+\+?\}/, "x")}`, {
          method: method.toUpperCase(),
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          ...(method === "post" && { body: "{}" }),
        });
        expect(answer.status, path).toBe(403);
      }
      await revokeKey(state, id);
      await expect(client.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    });

    test("are asked for from the first one on, of a server that was started without, and stay so", async () => {
      const own = await databases.open();
      let time = 0;
      const { keys } = storedKeys(own, { now: () => time });
      const serving = await startStored(own, { keys });
      const status = async () => (await fetch(`${serving.url}/v1/models`)).status;
      expect(await status()).toBe(200);
      const { client, id } = await clientOf(own, serving);
      // It looks once a second.
      time = 999;
      expect(await status()).toBe(200);
      time = 1000;
      expect(await status()).toBe(401);
      expect((await fetch(`${serving.url}/health`)).status).toBe(200);
      await client.models.list();
      await revokeKey(own, id);
      time = 5000;
      expect(await status()).toBe(401);
      await expect(
        serve({ engine: fakeEngine(), port: 0, host: "0.0.0.0", keys: storedKeys(own).keys }),
      ).rejects.toThrow("a key is needed");
    });

    test("with a limit of requests: 429 beyond it, with the seconds to wait", async () => {
      const { client } = await clientOf(state, await startStored(state), { requestsPerMinute: 3 });
      for (let i = 0; i < 3; i++) await client.models.list();
      const error: unknown = await client.models.list().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
      const wait = Number((error as InstanceType<typeof OpenAI.APIError>).headers!.get("retry-after"));
      expect(wait).toBeGreaterThanOrEqual(10);
      expect(wait).toBeLessThanOrEqual(20);
    });

    test("with a limit of tokens: the answer that uses them up is whole, the next is refused for longer than a client waits", async () => {
      const { client } = await clientOf(state, await startStored(state), { tokensPerDay: 20 });
      const ask = () => client.completions.create({ model: "fake/decoder", prompt: "a prompt of 24 characters" });
      expect((await ask()).choices[0]!.text).toBe("ok");
      const error: unknown = await vi.waitFor(async () => {
        const thrown: unknown = await ask().catch((failed: unknown) => failed);
        expect(thrown).toBeInstanceOf(Error);
        return thrown;
      });
      expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
      expect((error as InstanceType<typeof OpenAI.APIError>).headers!.get("x-should-retry")).toBe("false");
    });
  });

  describe("forms that are refused", () => {
    const form = (entries: readonly (readonly [string, string | Blob])[]) => {
      const made = new FormData();
      for (const [name, value] of entries) made.append(name, value);
      return made;
    };
    const file = ["file", new Blob(["x"])] as const;
    test.each([
      ["no purpose", form([file]), 400, "purpose"],
      ["another purpose", form([["purpose", "poetry"], file]), 400, "purpose"],
      ["no file", form([["purpose", "batch"]]), 400, "file"],
      [
        "a file as text",
        form([
          ["purpose", "batch"],
          ["file", "x"],
        ]),
        400,
        "file",
      ],
      ["a second file", form([["purpose", "batch"], file, ["other", new Blob(["y"])]]), 400, "other"],
      [
        "half of an expiry",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3600"]]),
        400,
        "expires_after",
      ],
      [
        "too short an expiry",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3599"], ["expires_after[anchor]", "created_at"]]),
        400,
        "expires_after[seconds]",
      ],
      [
        "too long an expiry",
        form([
          ["purpose", "batch"],
          file,
          ["expires_after[seconds]", "2592001"],
          ["expires_after[anchor]", "created_at"],
        ]),
        400,
        "expires_after[seconds]",
      ],
      [
        "no number",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "soon"], ["expires_after[anchor]", "created_at"]]),
        400,
        "expires_after[seconds]",
      ],
      [
        "another anchor",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3600"], ["expires_after[anchor]", "now"]]),
        400,
        "expires_after[anchor]",
      ],
      [
        "too large",
        form([
          ["purpose", "batch"],
          ["file", new Blob(["x".repeat(1001)])],
        ]),
        413,
        "file",
      ],
      [
        "much too large",
        form([
          ["purpose", "batch"],
          ["file", new Blob(["x".repeat(100_000)])],
        ]),
        413,
        null,
      ],
      ["JSON", JSON.stringify({ purpose: "batch" }), 415, null],
    ] as const)("%s", async (_, body, status, param) => {
      const serving = await startStored(state, { limits: { file: 1000 } });
      const { key } = await clientOf(state, serving);
      const answer = await fetch(`${serving.url}/v1/files`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body,
      });
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { error: { param: string | null } }).error.param).toBe(param);
    });

    test("what is no form at all", async () => {
      const serving = await startStored(state);
      const { key } = await clientOf(state, serving);
      for (const type of ["multipart/form-data", "multipart/form-data; boundary=x"]) {
        for (const body of [
          "",
          "nothing like it",
          "--x\r\n",
          '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc',
        ]) {
          const answer = await fetch(`${serving.url}/v1/files`, {
            method: "POST",
            headers: { authorization: `Bearer ${key}`, "content-type": type },
            body,
          });
          expect(answer.status).toBe(400);
        }
      }
    });
  });

  test.each([
    [{ endpoint: "/v1/files" }, "endpoint"],
    [{ completion_window: "1h" }, "completion_window"],
    [{ input_file_id: 7 }, "input_file_id"],
    [{ metadata: { a: 1 } }, "metadata.a"],
    [{ output_expires_after: { anchor: "created_at", seconds: 3600 } }, "output_expires_after"],
  ])("a batch that is refused: %j", async (change, param) => {
    const serving = await startStored(state);
    const { client } = await clientOf(state, serving);
    const file = await client.files.create({ file: await toFile(Buffer.from(line), "f"), purpose: "user_data" });
    const body = { input_file_id: file.id, endpoint: "/v1/completions", completion_window: "24h" } as const;
    await expect(client.batches.create({ ...body, ...(change as object) })).rejects.toMatchObject({
      status: 400,
      param,
    });
    // Its purpose is another.
    await expect(client.batches.create(body)).rejects.toMatchObject({ status: 400, param: "input_file_id" });
  });

  test("a database that is away is a 503 without an address", async () => {
    const away = await databases.open();
    const { createServer } = await import("../app.ts");
    const server = createServer({ engine: fakeEngine(), state: { ...away, db: broken(away) } });
    const answer = await server.fetch(new Request("http://localhost/v1/files"));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).not.toBeNull();
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("storage_failed");
    expect(error.message).not.toMatch(/\/|postgres:/);
  });
});

/** A database whose every query fails as one that is away. */
function broken(state: State): State["db"] {
  return state.db.withPlugin({
    transformQuery: () => fail("storage_failed", "does not answer", { where: "/somewhere/zeroth.db" }),
    transformResult: async ({ result }) => result,
  });
}
