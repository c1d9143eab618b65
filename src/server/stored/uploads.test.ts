/** Files on their way in: in pieces, with their fields wherever they stand, and gone again when they do not arrive. */
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";
import type { State } from "../../state/schema/tables.ts";
import { createServer } from "../app.ts";

const field = (name: string, value: string): string =>
  `--cut\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const fileHead = (name = "file") =>
  `--cut\r\nContent-Disposition: form-data; name="${name}"; filename="rows.jsonl"\r\n\r\n`;
const file = (content: string, name?: string): string => `${fileHead(name)}${content}\r\n`;
const purpose = field("purpose", "batch");
const end = "--cut--\r\n";

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });
  const rows = async () => [
    (await state.db.selectFrom("file").select("id").execute()).length,
    (await state.db.selectFrom("chunk").select("file").execute()).length,
  ];

  async function send(body: BodyInit, url: string, key: string) {
    const headers = { authorization: `Bearer ${key}`, "content-type": "multipart/form-data; boundary=cut" };
    const answer = await fetch(`${url}/v1/files`, { method: "POST", headers, body, duplex: "half" } as RequestInit);
    return { status: answer.status, told: (await answer.json()) as Record<string, unknown> };
  }

  test("fields are honoured behind the file as before it", async () => {
    const serving = await startStored(state);
    const { key, client } = await clientOf(state, serving);
    const fields = [
      purpose,
      field("expires_after[anchor]", "created_at"),
      field("expires_after[seconds]", "3600"),
      file("one\ntwo\n"),
    ];
    for (const order of [fields, fields.toReversed()]) {
      const { status, told } = await send([...order, end].join(""), serving.url, key);
      expect(status).toBe(200);
      expect(told).toMatchObject({ filename: "rows.jsonl", purpose: "batch", bytes: 8 });
      expect((told.expires_at as number) - (told.created_at as number)).toBe(3600);
      expect(await (await client.files.content(told.id as string)).text()).toBe("one\ntwo\n");
      await client.files.delete(told.id as string);
    }
  });

  const big = "x".repeat(3 << 20);
  test.each([
    ["a purpose that is none, behind the file", [file(big), field("purpose", "party")], 400, "purpose"],
    ["a purpose that is none, before the file", [field("purpose", "party"), file(big)], 400, "purpose"],
    ["no purpose", [file(big)], 400, "purpose"],
    ["half an expiry", [file(big), purpose, field("expires_after[seconds]", "3600")], 400, "expires_after"],
    ["two files", [purpose, file(big), file("a")], 400, "file"],
    ["a file in another field behind it", [purpose, file(big), file("a", "picture")], 400, "picture"],
    ["a field without end", [purpose, file("a"), field("purpose", "batch".repeat(20_000))], 400, "purpose"],
    ["a name without end", [purpose, file("a"), field("n".repeat(300), "x")], 400, "n".repeat(80)],
    ["a hundred fields more", [purpose, file("a"), ...Array(120).fill(purpose)], 400, null],
    ["larger than it may be", [purpose, file(big.repeat(2).slice(0, (4 << 20) + 9))], 413, "file"],
  ] as const)("refused, and nothing of it stays: %s", async (_, parts, status, param) => {
    const serving = await startStored(state, { limits: { file: 4 << 20 } });
    const { key } = await clientOf(state, serving);
    const before = await rows();
    const answer = await send([...parts, end].join(""), serving.url, key);
    expect(answer).toMatchObject({ status, told: { error: { param } } });
    await vi.waitFor(async () => expect(await rows()).toEqual(before));
  });

  test("larger than it said, or than it did not say", async () => {
    const serving = await startStored(state, { limits: { file: 100_000 } });
    const { key } = await clientOf(state, serving);
    const before = await rows();
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(purpose + fileHead())),
      pull: (controller) => controller.enqueue(new Uint8Array(50_000)),
    });
    const answer = await send(endless, serving.url, key).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(413);
    await vi.waitFor(async () => expect(await rows()).toEqual(before));
  });

  test("a client that goes in the middle leaves nothing", async () => {
    const serving = await startStored(state);
    const { key } = await clientOf(state, serving);
    const before = await rows();
    const headers = {
      authorization: `Bearer ${key}`,
      "content-type": "multipart/form-data; boundary=cut",
      "content-length": "99999999",
    };
    const call = request(`${serving.url}/v1/files`, { method: "POST", headers }).on("error", () => {});
    call.write(purpose + fileHead() + big);
    await vi.waitFor(async () => expect((await rows())[1]).toBeGreaterThan(before[1]!), { timeout: 10_000 });
    call.destroy();
    await vi.waitFor(async () => expect(await rows()).toEqual(before), { timeout: 10_000 });
    await vi.waitFor(() => expect(serving.running()).toBe(0));
  });

  test("of a file no more is taken than the database has room for at the moment", async () => {
    let [open, inserts, pulled] = [() => {}, 0, 0];
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    // The second query of an upload writes the first megabyte.
    const db = state.db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if (++inserts === 2) await gate;
        return result;
      },
    });
    const server = createServer({ engine: fakeEngine(), state: { ...state, db } });
    const total = 40 << 20;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(purpose + fileHead())),
      pull(controller) {
        if (pulled < total) controller.enqueue(new Uint8Array(1 << 16));
        else {
          controller.enqueue(new TextEncoder().encode(`\r\n${end}`));
          controller.close();
        }
        pulled += 1 << 16;
      },
    });
    const headers = { "content-type": "multipart/form-data; boundary=cut" };
    const init = { method: "POST", headers, body, duplex: "half" };
    const answer = server.fetch(new Request("http://localhost/v1/files", init as RequestInit));
    await vi.waitFor(() => expect(inserts).toBe(2), { timeout: 10_000 });
    await sleep(300);
    expect(pulled).toBeLessThan(4 << 20);
    open();
    expect(await (await answer).json()).toMatchObject({ bytes: total });
  });
});
