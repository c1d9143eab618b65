/** Only what is wanted is judged. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZerothError } from "../../errors.ts";
import { chooseFiles } from "./choose.ts";
import { parseListing } from "./listing.ts";
import { takeWanted } from "./wanted.ts";

const hash = (n: number) => n.toString(16).padStart(40, "0");
type Entry = { rfilename: string; size?: unknown; blobId?: unknown; lfs?: object };
const listing = (entries: readonly Entry[]) => parseListing({ sha: hash(1), siblings: entries }, "hub");
const entry = (rfilename: string, n: number, size = 3): Entry => ({ rfilename, size, blobId: hash(n) });
const model = [entry("config.json", 2), entry("model.safetensors", 3), entry("tokenizer.json", 4)];
const refusal = (entries: readonly Entry[], wanted: (name: string) => boolean): string => {
  try {
    takeWanted(listing(entries), "acme/tiny", wanted);
    return "";
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    expect(error.code).toBe("corrupt_file");
    return error.message;
  }
};

/** Entries that cannot be fetched, or not together: none of them is of a kind that a run needs. */
const bad: [string, Entry[]][] = [
  ["names that differ by case", [entry("notes/Readme.txt", 8), entry("notes/README.txt", 9)]],
  ["folders that differ by case", [entry("Logs/a.txt", 8), entry("logs/a.txt", 9)]],
  ["a long s and a short one", [entry("loſs.txt", 8), entry("LOSS.txt", 9)]],
  ["an accent written in two ways", [entry("caf\u00e9.txt", 8), entry("cafe\u0301.txt", 9)]],
  ["a file that is a folder too", [entry("runs", 8), entry("runs/one.txt", 9)]],
  ["a folder that is a file in capitals", [entry("RUNS", 8), entry("runs/one/two.txt", 9)]],
  ["one name twice", [entry("twice.txt", 8), entry("twice.txt", 9)]],
  ["one hash with two sizes", [entry("a.txt", 8, 3), entry("b.txt", 8, 4)]],
  ["a way out", [entry("../../evil.txt", 8)]],
  ["no size", [{ rfilename: "x.txt", blobId: hash(8) }]],
  ["a negative size", [entry("x.txt", 8, -1)]],
  ["a size that cannot be counted", [entry("x.txt", 8, 2 ** 60)]],
  ["no hash", [{ rfilename: "x.txt", size: 1 }]],
  ["a large file without its hash", [{ rfilename: "x.txt", lfs: { size: 1 } }]],
];

describe.each(bad)("%s", (_, entries) => {
  test("is nothing to who does not want it", () => {
    for (const all of [
      [...model, ...entries],
      [...entries, ...model],
    ]) {
      expect(chooseFiles(listing(all), "acme/tiny").map(({ name }) => name)).toEqual(model.map((one) => one.rfilename));
      expect(takeWanted(listing(all), "acme/tiny", (name) => name === "config.json")).toHaveLength(1);
    }
  });
  test("is an error that names it to who does", () => {
    const said = refusal([...model, ...entries], () => true);
    expect(said).toMatch(/^acme\/tiny: "/);
    expect(said).not.toMatch(/undefined|null|\[object/);
    expect(() => chooseFiles(listing([...model, ...entries]), "acme/tiny", ["*"])).toThrow(ZerothError);
  });
});

test("two of one content, and one of two that differ by case, are fine", () => {
  const alike = [entry("A.txt", 8), entry("a.txt", 8), entry("b.txt", 9), entry("B.txt", 10)];
  expect(refusal(alike, (name) => name !== "B.txt")).toBe("");
  expect(takeWanted(listing([entry("x", 8), entry("x", 8)]), "", () => true)).toHaveLength(1);
});

test("weights that cannot be fetched are an error, not a reason to take others", () => {
  const entries = [entry("config.json", 2), { rfilename: "model.safetensors", size: 5 }, entry("pytorch_model.bin", 3)];
  expect(() => chooseFiles(listing(entries), "acme/tiny")).toThrow(/"model\.safetensors" is listed without a hash/);
});

test("any names: what is taken has places and hashes that do not collide", () => {
  const part = fc.string({ unit: fc.constantFrom(..."aAsSſEİıß._-", "é", "e\u0301"), minLength: 1, maxLength: 3 });
  const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const entries = fc.array(
    fc.record({
      rfilename: name,
      size: fc.constantFrom(1, 2, -1, "3"),
      blobId: fc.constantFrom(hash(8), hash(9), "x"),
    }),
    { maxLength: 12 },
  );
  let taken = 0;
  fc.assert(
    fc.property(entries, fc.nat(0xffff), (list, mask) => {
      const read = listing(list);
      const names = [...new Set(list.map(({ rfilename }) => rfilename))];
      const wanted = (one: string) => ((mask >> (names.indexOf(one) % 16)) & 1) === 1;
      try {
        const chosen = takeWanted(read, "hub", wanted);
        expect(chosen.map((file) => file.name).sort()).toEqual(names.filter(wanted).sort());
        for (const a of chosen) {
          for (const b of chosen) {
            if (a === b) continue;
            expect(a.etag === b.etag && a.bytes !== b.bytes).toBe(false);
            expect(a.name.toLowerCase() === b.name.toLowerCase() && a.etag !== b.etag).toBe(false);
            expect(b.name.toLowerCase().startsWith(`${a.name.toLowerCase()}/`)).toBe(false);
          }
        }
        taken++;
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        expect(names.some(wanted)).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(taken).toBeGreaterThan(200);
});
