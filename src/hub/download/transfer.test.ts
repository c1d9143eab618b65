/** Any sequence of faults: the right bytes or a typed error, never other bytes, never a loop. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryDraft } from "../../../fuzz/memory-draft.js";
import { ZerothError } from "../../errors.ts";
import { createFileHash } from "./cache-node.ts";
import { isSafeFilePath, parseListing, type RemoteFile } from "./listing.ts";
import { createMeter } from "./progress.ts";
import { transfer } from "./transfer.ts";
import { listedNames, takeWanted } from "./wanted.ts";

const content = Uint8Array.from({ length: 3_000 }, (_, i) => (i * 2654435761) >>> 24);
const endpoint = "http://hub.example";
const file: RemoteFile = {
  name: "model.safetensors",
  bytes: content.length,
  etag: createHash("sha256").update(content).digest("hex"),
  hash: "sha256",
};
const asked = { repo: "acme/tiny", revision: "main", endpoint, token: false, file: file.name };

interface Fault {
  kind: "cut" | "shift" | "whole" | "corrupt" | "extra" | "length" | "status" | "total" | "etag" | "down" | "fine";
  n: number;
}

function answer(from: number, { kind, n }: Fault): Response {
  if (kind === "down") throw new TypeError("fetch failed");
  if (kind === "status") return new Response(null, { status: [416, 429, 500, 503, 408][n % 5]! });
  const ranged = from > 0 && kind !== "whole";
  const begin = ranged ? Math.min(content.length, from + (kind === "shift" ? 1 + (n % 50) : 0)) : 0;
  let body = content.slice(begin);
  if (kind === "corrupt" && body.length > 0) body[n % body.length]! ^= 1;
  if (kind === "extra") body = Uint8Array.from([...body, ...new Uint8Array(1 + (n % 9))]);
  const headers: Record<string, string> = { etag: kind === "etag" ? `"other-${n}"` : '"same"' };
  if (ranged) {
    const total = kind === "total" ? content.length + 1 + n : content.length;
    headers["content-range"] = `bytes ${begin}-${content.length - 1}/${total}`;
  }
  if (kind === "length") headers["content-length"] = String(body.length + 1 + (n % 7));
  const sent = kind === "cut" ? n % (body.length + 1) : body.length;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      for (let at = 0; at < sent; at += 700) controller.enqueue(body.subarray(at, Math.min(sent, at + 700)));
      if (kind === "cut" && n % 2 === 0) controller.error(new TypeError("terminated"));
      else controller.close();
    },
  });
  return new Response(stream, { status: ranged ? 206 : 200, headers });
}

const kinds = [
  "cut",
  "shift",
  "whole",
  "corrupt",
  "extra",
  "length",
  "status",
  "total",
  "etag",
  "down",
  "fine",
] as const;

test("a file arrives as it is, or not at all", async () => {
  const faults = fc.array(fc.record({ kind: fc.constantFrom(...kinds), n: fc.nat(5_000) }), { maxLength: 12 });
  const begun = fc.oneof(
    fc.nat(3_000).map((n) => content.slice(0, n)),
    fc.uint8Array({ maxLength: 3_100 }),
  );
  let [arrived, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(faults, begun, async (list, start) => {
      const draft = memoryDraft(start);
      let requests = 0;
      let here = 0;
      const fetch = async (_: string, { headers }: { headers: Record<string, string> }) => {
        const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
        return answer(from, list[requests++] ?? { kind: "fine", n: 0 });
      };
      try {
        await transfer(`${endpoint}/x`, file, asked, draft, {
          fetch,
          settings: { endpoint, token: undefined, timeout: 10_000 },
          times: { tries: 4, wait: 0, longestWait: 0, patience: 1_000, worthwhile: 1_000 },
          random: () => 0,
          now: () => 0,
          clock: () => 0,
          createHash: createFileHash,
          onBytes: (bytes) => {
            here += bytes;
          },
        });
        expect(draft.bytes()).toEqual(content);
        expect(here).toBe(content.length);
        arrived++;
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        expect(["corrupt_file", "not_found"]).toContain(error.code);
        refused++;
      }
      expect(requests).toBeLessThan(20);
    }),
    { numRuns: 500 },
  );
  expect(arrived).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(0);
});

test("a server that always begins anew and never ends: as many tries as there are, and what came is said", async () => {
  const size = fc.integer({ min: 1, max: content.length - 1 });
  await fc.assert(
    fc.asyncProperty(size, fc.boolean(), fc.nat(2_999), async (sent, clean, begun) => {
      let requests = 0;
      const fetch = async () => {
        requests++;
        let pulls = 0;
        const stream = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (pulls++ === 0) controller.enqueue(content.slice(0, sent));
            else if (clean) controller.close();
            else controller.error(new TypeError("terminated"));
          },
        });
        return new Response(stream);
      };
      const work = transfer(`${endpoint}/x`, file, asked, memoryDraft(content.slice(0, begun)), {
        fetch,
        settings: { endpoint, token: undefined, timeout: 10_000 },
        times: { tries: 5, wait: 0, longestWait: 0, patience: 1_000, worthwhile: 100 },
        random: () => 0,
        now: () => 0,
        clock: () => 0,
        createHash: createFileHash,
      });
      const error = await work.catch((cause: unknown) => cause as ZerothError);
      expect(error).toMatchObject({
        code: "not_found",
        message: expect.stringMatching(
          new RegExp(`given up after 5 tries, ${Math.max(begun, sent)} of 3000 bytes came$`),
        ),
        hint: expect.stringMatching(/begins anew each time/),
      });
      expect(requests).toBe(5);
    }),
    { numRuns: 200 },
  );
});

test("any answer for a listing is one, or a typed error; every name in it stays in its folder", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.stringMatching(/^[a-c./\\: %]{1,12}$/),
    fc.constantFrom("config.json", "../x", "a/../../x", "CON", "__proto__", "constructor"),
  );
  const entry = fc.record(
    {
      rfilename: fc.oneof({ weight: 9, arbitrary: name }, { weight: 1, arbitrary: fc.jsonValue() }),
      size: fc.oneof({ weight: 9, arbitrary: fc.nat() }, { weight: 1, arbitrary: fc.jsonValue() }),
      blobId: fc.oneof({ weight: 9, arbitrary: fc.constant("a".repeat(40)) }, { weight: 1, arbitrary: fc.jsonValue() }),
      lfs: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.jsonValue() }),
    },
    { requiredKeys: ["rfilename", "size", "blobId"] },
  );
  const sha = fc.oneof({ weight: 9, arbitrary: fc.constant("b".repeat(40)) }, { weight: 1, arbitrary: fc.jsonValue() });
  const listing = fc.record({ sha, siblings: fc.oneof({ weight: 9, arbitrary: fc.array(entry) }, fc.jsonValue()) });
  fc.assert(
    fc.property(listing, (value) => {
      try {
        const listed = parseListing(value as { readonly [key: string]: unknown }, "hub");
        expect(listed.commit).toMatch(/^[0-9a-f]{40}$/);
        const names = listedNames(listed);
        expect(new Set(names).size).toBe(names.length);
        // What is refused is an error for who wants it, and for nobody else.
        const refused = new Set(listed.refused.map(({ name }) => name));
        for (const bad of refused) expect(() => takeWanted(listed, "hub", (name) => name === bad)).toThrow(ZerothError);
        for (const one of listed.files) {
          expect(takeWanted(listed, "hub", (name) => name === one.name)).toEqual([one]);
          expect(isSafeFilePath(one.name)).toBe(true);
          expect(new URL(one.name.split("/").map(encodeURIComponent).join("/"), "file:///a/b/").pathname).toMatch(
            /^\/a\/b\/./,
          );
          expect(one.etag).toMatch(/^[0-9a-f]{40,64}$/);
          expect(one.bytes).toBeGreaterThanOrEqual(0);
        }
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        expect(error.code).toBe("corrupt_file");
      }
    }),
    { numRuns: 3_000 },
  );
});

test("the rate is that of the last seconds", () => {
  let now = 0;
  const meter = createMeter(100_000, () => now);
  expect(meter.progress()).toEqual({ done: 0, total: 100_000, rate: 0, secondsLeft: undefined });
  meter.found(10_000);
  for (let i = 0; i < 20; i++) {
    now += 1_000;
    meter.add(1_000);
  }
  expect(meter.progress()).toMatchObject({ done: 30_000, rate: 1_000, secondsLeft: 70 });
  for (let i = 0; i < 12; i++) {
    now += 1_000;
    meter.add(3_000);
  }
  expect(meter.progress().rate).toBeGreaterThan(2_700);
  meter.add(-66_000);
  expect(meter.progress().done).toBe(0);
});
