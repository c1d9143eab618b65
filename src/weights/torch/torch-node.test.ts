/** torch files: what torch wrote is read, what would run code or lies about itself is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  hostileLegacy,
  hostilePickles,
  hostileZips,
  int,
  stateOf,
  tensor,
  torchZip,
  u64,
} from "../../../test/support/hostile-torch.ts";
import { ZerothError } from "../../errors.ts";
import { openModelFolder } from "../../folders/open-node.ts";
import { scan } from "../../scan/scan-node.ts";
import { openSafetensors, readStored } from "../safetensors-node.ts";
import { readPickle } from "./pickle.ts";
import { openTorch } from "./torch-node.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures/torch", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "zeroth-torch-"));
afterAll(() => rmSync(place, { recursive: true }));

test.each(["tensors.zip.bin", "tensors.legacy.bin"])("%s holds what its safetensors twin holds", (name) => {
  const wanted = openSafetensors(join(fixtures, "tensors.safetensors")).tensors;
  const got = openTorch(join(fixtures, name));
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [tensor, stored] of wanted) {
    expect(readStored(got.get(tensor)!), tensor).toEqual(readStored(stored));
  }
  // Found, not read: only what is stored out of order is in memory.
  expect([...got].filter(([, stored]) => "data" in stored).map(([tensor]) => tensor)).toEqual(["turned"]);
});

test("tensors under state_dict are found", () => {
  expect([...openTorch(join(fixtures, "nested.bin")).keys()]).toEqual(["a"]);
});

test.each(["t5-zip", "t5-legacy", "t5-sharded"])("the folder %s opens like its safetensors twin", (name) => {
  const wanted = openModelFolder(join(fixtures, "t5-safetensors")).weights;
  const got = openModelFolder(join(fixtures, name)).weights;
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [tensor, stored] of wanted) expect(readStored(got.get(tensor)!)).toEqual(readStored(stored));
});

const refused = (read: () => unknown, message: RegExp) => {
  let error: unknown;
  try {
    read();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ZerothError);
  expect(error).toMatchObject({ message: expect.stringMatching(message) });
  expect(["corrupt_file", "unsupported"]).toContain((error as ZerothError).code);
};

describe("pickles refused", () => {
  test.each(Object.entries(hostilePickles))("%s", (_, [bytes, message]) => {
    refused(() => readPickle(bytes, 0, "file"), message);
    // The same within a torch file, and for whoever asks whether it is safe.
    const path = join(place, "hostile.bin");
    writeFileSync(path, torchZip(bytes));
    refused(() => openTorch(path), message);
    expect([...scan(path)]).toMatchObject([{ verdict: "unsafe" }]);
  });

  test("by an interpreter that has no way to run anything", () => {
    const source = readFileSync(fileURLToPath(new URL("./pickle.ts", import.meta.url)), "utf8");
    expect(source).not.toMatch(
      /\bFunction\b|\beval\b|\bimport\s*\(|\brequire\b|\bglobalThis\b|\bprocess\b|\bconstructor\b/,
    );
    // Its table of names is short, and the names that are called are fewer still.
    const names = [...source.matchAll(/^ {2}"((?:torch|collections)[\w.]+)":/gm)].map(([, name]) => name!);
    expect(names.length).toBeLessThanOrEqual(12);
    expect(names.filter((name) => !name.endsWith("Storage"))).toEqual([
      "collections.OrderedDict",
      "torch._utils._rebuild_tensor_v2",
      "torch._utils._rebuild_parameter",
    ]);
  });

  test("but deep nesting costs nothing", () => {
    const deep = new Uint8Array(200_003).fill(0x85);
    deep.set([0x80, 2, 0x4e]);
    deep[deep.length - 1] = 0x2e;
    expect(readPickle(deep, 0, "file").end).toBe(deep.length);
  });

  test("and frames that say the truth are read", () => {
    const framed = Uint8Array.from([0x80, 4, 0x95, ...u64(4n), 0x7d, 0x94, 0x7d, 0x30, 0x2e]);
    expect(readPickle(framed, 0, "file")).toEqual({ value: new Map(), end: framed.length });
  });
});

describe.each([
  ["zip files", hostileZips],
  ["older files", hostileLegacy],
])("%s refused", (_, table) => {
  test.each(Object.entries(table))("%s", (_, [bytes, message]) => {
    const path = join(place, "hostile.bin");
    writeFileSync(path, bytes);
    refused(() => openTorch(path), message);
    expect([...scan(path)][0]!.verdict).not.toBe("safe");
  });
});

test("what the hostile files are made of makes good ones too", () => {
  const path = join(place, "good.bin");
  const storages = { "0": [...new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)] };
  writeFileSync(path, torchZip(stateOf(tensor(int(0), [int(2), int(2)], [int(1), int(2)])), storages));
  const turned = openTorch(path).get("w")!;
  expect([...(readStored(turned).data as Float32Array)]).toEqual([1, 3, 2, 4]);
  expect([...scan(path)][0]!.verdict).toBe("safe");
});

test("damaged files give a typed error or tensors inside the file", () => {
  const path = join(place, "damaged.bin");
  for (const name of ["tensors.zip.bin", "tensors.legacy.bin", "nested.bin"]) {
    const original = new Uint8Array(readFileSync(join(fixtures, name)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (edits) => {
          const bytes = original.slice();
          for (const [at, value] of edits) bytes[at] = value;
          writeFileSync(path, bytes);
          try {
            for (const stored of openTorch(path).values()) {
              if ("file" in stored) expect(stored.offset + stored.length).toBeLessThanOrEqual(bytes.length);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(ZerothError);
          }
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  }
});
