/** torch files: what torch wrote is read, what would run code or lies about itself is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { int, pickle, stateOf, storage, tensor, text, u64 } from "../../../test/support/torch/codes.ts";
import { hostileLegacy, legacyHead } from "../../../test/support/torch/legacy.ts";
import { hostilePickles } from "../../../test/support/torch/pickles.ts";
import { hostileZips, torchZip } from "../../../test/support/torch/zips.ts";
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

describe("dictionaries in dictionaries", () => {
  const path = join(place, "nested.bin");
  const storages = { "0": [...new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)] };
  const four = tensor(int(0), [int(4)], [int(1)]);
  const dict = (...items: [string, number[]][]) => [
    ...[0x7d, 0x28],
    ...items.flatMap(([key, value]) => [...text(key), ...value]),
    0x75,
  ];
  const names = (...codes: number[]) => {
    writeFileSync(path, torchZip(pickle(codes), storages));
    return [...openTorch(path).keys()];
  };

  test.each<[string, number[], string[]]>([
    ["of a training program", dict(["epoch", int(3)], ["model_state_dict", dict(["a", four])]), ["a"]],
    ["the model and not its optimiser", dict(["optimizer", dict(["m", four])], ["model", dict(["a", four])]), ["a"]],
    ["wrappers in wrappers", dict(["state_dict", dict(["module", dict(["a", four])])]), ["a"]],
    ["a wrapper without tensors", dict(["state_dict", dict(["a", int(1)])], ["net", dict(["b", four])]), ["b"]],
    [
      "parts of a model",
      dict(["encoder", dict(["w", four])], ["decoder", dict(["w", four])]),
      ["encoder.w", "decoder.w"],
    ],
    ["beside tensors", dict(["a", four], ["model", dict(["b", four])]), ["a", "model.b"]],
    ["in a list", dict(["layers", [0x5d, 0x28, ...four, ...dict(["b", four]), 0x65]]), ["layers.0", "layers.1.b"]],
  ])("%s", (_, codes, wanted) => {
    expect(names(...codes)).toEqual(wanted);
  });

  test("a name that comes twice, and nesting without an end, are refused", () => {
    refused(() => names(...dict(["a.b", four], ["a", dict(["b", four])])), /two tensors are called "a\.b"/);
    const deep = Array.from({ length: 20 }).reduce<number[]>((inner) => dict(["a", inner]), four);
    refused(() => names(...deep), /nested more than 16 deep/);
  });

  test("an older file's storages may belong to what is not the model", () => {
    const other = tensor(int(0), [int(4)], [int(1)], storage("1"));
    const value = pickle(dict(["optimizer", dict(["m", other])], ["model", dict(["a", four])]));
    const keys = pickle([0x5d, 0x28, ...text("0"), ...text("1"), 0x65]);
    const one = [...u64(4n), ...storages["0"]];
    writeFileSync(path, Uint8Array.from([...legacyHead, ...value, ...keys, ...one, ...one]));
    expect([...openTorch(path).keys()]).toEqual(["a"]);
  });
});

test("what is no torch file says what it is", () => {
  const path = join(place, "mistaken.bin");
  const says = (content: string) => {
    writeFileSync(path, content);
    return () => openTorch(path);
  };
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 7\n`;
  refused(says(pointer), /is a Git LFS pointer, the file was not fetched/);
  refused(says("<html></html>"), /is an HTML page/);
  refused(says(""), /is an empty file/);
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
    const sourceOf = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
    const source = sourceOf("./pickle.ts") + sourceOf("./pickle-names.ts");
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
