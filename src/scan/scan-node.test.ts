/** What `zeroth scan` says of each kind of file. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { traceOpens } from "../../fuzz/trace.js";
import { int, stateOf, tensor } from "../../test/support/torch/codes.ts";
import { hostilePickles } from "../../test/support/torch/pickles.ts";
import { torchZip, zip } from "../../test/support/torch/zips.ts";
import { shippedModels } from "../hub/find-node.ts";
import { scan } from "./scan-node.ts";

const place = realpathSync(mkdtempSync(join(tmpdir(), "zeroth-scan-")));
afterAll(() => rmSync(place, { recursive: true }));
const fixtures = fileURLToPath(new URL("../../test/fixtures/torch", import.meta.url));
const verdicts = (path: string) => Object.fromEntries([...scan(path)].map(({ file, verdict }) => [file, verdict]));

test("the embedded model and torch's own files are safe", () => {
  expect(new Set(Object.values(verdicts(join(shippedModels, "zeroth-nano"))))).toEqual(new Set(["safe"]));
  expect(new Set(Object.values(verdicts(fixtures)))).toEqual(new Set(["safe"]));
  expect(verdicts(join(fixtures, "nested.bin"))).toEqual({ "nested.bin": "safe" });
});

test("what can run code, leads out or is damaged is unsafe; what nobody reads is unknown", () => {
  const folder = join(place, "sent");
  mkdirSync(join(folder, "below"), { recursive: true });
  const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  const evil = Uint8Array.from([0x80, 2, ...new TextEncoder().encode("cposix\nsystem\n"), 0x29, 0x52, 0x2e]);
  put("pytorch_model.bin", evil);
  put("model.safetensors", "short");
  put("config.json", '{"auto_map": {"AutoModel": "modeling.Model"}}');
  put("tokenizer.json", "{");
  put("modeling.py", "");
  put("below/data.pkl", evil);
  put("helper", "#!/bin/sh\n");
  put("model.onnx", "x");
  put("README.md", "# a model");
  symlinkSync("/etc/hostname", join(folder, "vocab.txt"));
  symlinkSync("nowhere", join(folder, "merges.txt"));
  expect(verdicts(folder)).toEqual({
    "README.md": "safe",
    "below/data.pkl": "unsafe",
    "config.json": "unsafe",
    helper: "unsafe",
    "merges.txt": "unsafe",
    "model.onnx": "unsafe",
    "model.safetensors": "unsafe",
    "modeling.py": "unsafe",
    "pytorch_model.bin": "unsafe",
    "tokenizer.json": "unsafe",
    "vocab.txt": "unsafe",
  });
  const found = [...scan(join(folder, "pytorch_model.bin"))][0]!;
  expect(found.findings.join()).toMatch(/pytorch_model\.bin: wants Python's "posix\.system".*opcode GLOBAL at byte 2/);
  expect(found.hint).toMatch(/do not load/);
  expect(() => [...scan(join(place, "nothing"))]).toThrow(/no such file/);
});

const external = (location: string) => {
  // A graph of one tensor that lies in another file: field 7 of the model, 5 of the graph, 13 and 14 of the tensor.
  const field = (id: number, bytes: number[]) => [
    ...(id < 16 ? [8 * id + 2] : [(8 * id + 2) | 128, 1]),
    bytes.length,
    ...bytes,
  ];
  const text = (value: string) => [...new TextEncoder().encode(value)];
  const entry = field(13, [...field(1, text("location")), ...field(2, text(location))]);
  const tensor = [8, 1, 16, 1, ...field(8, text("w")), ...entry, 8 * 14, 1];
  return Uint8Array.from([8, 8, ...field(7, field(5, tensor)), ...field(8, [16, 21])]);
};

const pickled = Uint8Array.from([0x80, 4, ...new TextEncoder().encode("cos\nsystem\n"), 0x29, 0x52, 0x2e]);

/** An array of NumPy's: its header as numpy.save writes it, and so many bytes. */
function npy(descr: string, shape: string, bytes: number): Uint8Array {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
  const head = Buffer.from(`\u0093NUMPY\u0001\u0000v\u0000${header}\n`, "latin1");
  return new Uint8Array(Buffer.concat([head, Buffer.alloc(bytes)]));
}

const bytes = (...parts: (string | Uint8Array)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part))));
const fine = Uint8Array.from([0x80, 2, 0x7d, 0x2e]);
const older = "cos\nsystem\n(S'x'\ntR.";
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;

/** A zip file of one member, deflated. */
function deflated(name: string, content: Uint8Array): Uint8Array {
  const data = deflateRawSync(content);
  return zip([{ name, data, method: 8, plain: content.length, localPlain: content.length }]);
}

const storages = { "0": [...new Uint8Array(16)] };
const state = stateOf(tensor(int(0), [int(4)], [int(1)]));
const png = bytes("\u0089PNG\r\n\u001a\n\0\0\0\u0001IDATx\0\0\0\0\0\0\0\0IEND\0\0\0\0");
const jpeg = bytes("\u00ff\u00d8\u00ff\u00e0\0\u0004ab\u00ff\u00da\0\u0003c\u0001\u00ff\0\u0002\u00ff\u00d9");

describe("every byte is accounted for", () => {
  const look = (name: string, content: string | Uint8Array) => {
    const folder = mkdtempSync(join(place, "byte-"));
    writeFileSync(join(folder, name), content);
    const [row] = [...scan(folder)];
    return row!;
  };

  test.each(["a.pkl", "a.pickle", "a.joblib", "a.dat", "a.data", "a.pt", "a.bin", "a", "a.txt", "a.unheard", "a.png"])(
    "a second pickle is found, in %s",
    (name) => {
      expect(look(name, bytes(fine, pickled))).toMatchObject({ verdict: "unsafe", hint: expect.any(String) });
      expect(look(name, bytes(fine, fine, fine, pickled)).findings.join()).toMatch(/os\.system|torch's number/);
      expect(look(name, bytes(fine, older)).verdict).toBe("unsafe");
      expect(look(name, older).verdict).toBe("unsafe");
    },
  );

  test("pickles in a row are safe when all are, and what follows them is said", () => {
    expect(look("a.pkl", bytes(fine, fine, fine)).verdict).toBe("safe");
    expect(look("a.pkl", bytes(fine, "\0\0\0"))).toMatchObject({
      verdict: "unknown",
      findings: ["3 bytes after the pickle that ends at byte 4"],
    });
    expect(look("a.dat", "\0\u0001\u0002").verdict).toBe("unknown");
    // Small values that stand for huge ones do not add up.
    const laughs = hostilePickles["a billion laughs"]![0];
    const start = performance.now();
    expect(look("a.pkl", bytes(...Array(2000).fill(laughs))).verdict).toBe("unsafe");
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test.each<[string, string, string | Uint8Array, string, RegExp]>([
    [
      "torch with a member more",
      "a.pt",
      torchZip(state, storages, [{ name: "a/x.pkl", data: pickled }]),
      "unsafe",
      /x\.pkl.*os\.system/,
    ],
    [
      "torch with code in it",
      "a.pt",
      torchZip(state, storages, [{ name: "a/code/m.py", data: [] }]),
      "unsafe",
      /is code/,
    ],
    [
      "torch with a member nobody reads",
      "a.pt",
      torchZip(state, storages, [{ name: "a/data/9", data: [1] }]),
      "unknown",
      /data\/9/,
    ],
    ["torch as it is", "a.pt", torchZip(state, storages), "safe", /^$/],
    ["a torch file under another name", "model", torchZip(state, storages), "safe", /^$/],
    ["a torch file called safetensors", "model.safetensors", torchZip(pickled), "unsafe", /os\.system/],
    ["npz", "a.npz", deflated("x.npy", npy("'<f4'", "(3,)", 12)), "safe", /^$/],
    ["npz of objects", "a.npz", deflated("x.npy", npy("'|O'", "(3,)", 9)), "unsafe", /Python objects/],
    [
      "a pickle in a zip",
      "a.zip",
      deflated("below/x.pkl", bytes(fine, pickled)),
      "unsafe",
      /member "below\/x\.pkl".*os\.system/,
    ],
    ["a pickle in a zip in a zip", "a.zip", deflated("x.zip", deflated("x", pickled)), "unsafe", /os\.system/],
    [
      "four zips deep",
      "a.zip",
      [1, 2, 3].reduce((inner) => deflated("x.zip", inner), deflated("x", fine)),
      "unknown",
      /nested more than 3 deep/,
    ],
    [
      "a member that lies about its size",
      "a.zip",
      zip([{ name: "x.txt", data: deflateRawSync("hello"), method: 8, plain: 4, localPlain: 4 }]),
      "unsafe",
      /is not 4 bytes when unpacked/,
    ],
    ["a bomb", "a.zip", deflated("x.txt", new Uint8Array(70 << 20)), "unknown", /too much to look at/],
    ["a link in a zip", "a.zip", zip([{ name: "x", data: [47], mode: 0xa000 }]), "unsafe", /symbolic link/],
    [
      "bytes before the members",
      "a.zip",
      zip([{ name: "x.txt", data: [65] }], { before: [...pickled] }),
      "unsafe",
      /os\.system/,
    ],
    [
      "bytes between the members",
      "a.zip",
      zip([{ name: "x.txt", data: [65], after: [1, 2, 3] }]),
      "unknown",
      /3 bytes that belong to no member/,
    ],
    ["encrypted", "a.zip", zip([{ name: "x.txt", data: [65], flags: 1 }]), "unknown", /encrypted/],
    ["a way out of a zip", "a.zip", zip([{ name: "../x.txt", data: [65] }]), "unsafe", /leads out/],
    ["nothing in a zip", "a.zip", zip([]), "unknown", /holds nothing/],
    ["keras with a Lambda", "a.keras", deflated("config.json", bytes('{"class_name":"Lambda"}')), "unsafe", /Lambda/],
    [
      "keras",
      "a.keras",
      zip([
        { name: "config.json", data: bytes("{}") },
        { name: "model.weights.h5", data: [1] },
      ]),
      "unknown",
      /Keras/,
    ],
    ["a gzip of a pickle", "a.pkl.gz", gzipSync(pickled), "unsafe", /os\.system/],
    ["a zlib of a pickle, as joblib makes it", "a.joblib", deflateSync(pickled), "unsafe", /os\.system/],
    ["a gzip of a text", "a.txt.gz", gzipSync("hello"), "unknown", /compressed/],
    ["a picture", "a.png", png, "safe", /^$/],
    ["a picture and more", "a.png", bytes(png, pickled), "unknown", /\d+ bytes follow the picture/],
    ["a photograph", "a.jpg", jpeg, "safe", /^$/],
    ["a photograph and more", "a.jpg", bytes(jpeg, "PK"), "unknown", /2 bytes follow/],
    ["half a photograph", "a.jpg", jpeg.slice(0, -1), "unknown", /no whole picture/],
    ["a text that is none", "README.md", bytes("a\0b"), "unknown", /a zero at byte 1/],
    ["a text in another encoding", "LICENSE", bytes("caf\u00e9"), "unknown", /no text in UTF-8/],
    ["a template that is no text", "a.jinja", bytes("{{ x }}\0"), "unknown", /a zero at byte 7/],
    ["rows of Parquet", "a.parquet", "PAR1", "unknown", /does not read/],
    ["code in a list", "tokens.json", '[{"auto_map":{"a":"b"}}]', "unsafe", /auto_map/],
    [
      "code far down",
      "config.json",
      `{"a":${'{"a":'.repeat(300)}{"auto_map":1}${"}".repeat(301)}`,
      "unsafe",
      /auto_map/,
    ],
    ["a list that is none", "tokens.json", "[1", "unsafe", /not valid JSON/],
  ])("%s", (_, name, content, verdict, finding) => {
    const row = look(name, content);
    expect(row.findings.join("; ")).toMatch(finding);
    expect(row.verdict).toBe(verdict);
    expect(row.hint === undefined).toBe(verdict === "safe");
  });

  test.each(["model.safetensors", "pytorch_model.bin", "config.json", "spiece.model", "a.pkl", "a.onnx", "a.npy", "x"])(
    "%s that was not fetched, is a page, or is empty does no harm and is not safe",
    (name) => {
      for (const [content, what] of [
        [pointer, /Git LFS pointer, the file was not fetched/],
        ["<!doctype html><html></html>", /HTML page/],
        ["", /empty file/],
      ] as const) {
        expect(look(name, content)).toMatchObject({ verdict: "unknown", hint: expect.any(String) });
        expect(look(name, content).findings.join()).toMatch(what);
      }
    },
  );

  test("weights that another program quantised cannot be told", () => {
    const config = '{"quantization_config":{"quant_method":"bitsandbytes"}}';
    expect(look("config.json", config)).toMatchObject({ verdict: "unknown", findings: [/"bitsandbytes"/] });
    const header = '{"q.weight":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}';
    const file = bytes(new Uint8Array(BigUint64Array.of(BigInt(header.length)).buffer), header, "x");
    expect(look("model.safetensors", file)).toMatchObject({ verdict: "unknown", findings: [/"q.weight".*int8/] });
  });
});

test.each<[name: string, content: string | Uint8Array, verdict: string, finding: RegExp]>([
  ["config.json", '{"model_type":"t5"}', "safe", /^$/],
  ["config.json", '{"sub":{"auto_map":{"AutoModel":"x.Y"}}}', "unsafe", /own Python code to be run \(auto_map\)/],
  ["config.json", '{"trust_remote_code":true}', "unsafe", /trust_remote_code/],
  ["config.json", '{"trust_remote_code":false}', "safe", /^$/],
  ["config.json", '{"custom_pipelines":{}}', "unsafe", /custom_pipelines/],
  ["model.json", '{"layers":[{"class_name":"Lambda"}]}', "unsafe", /Keras Lambda/],
  ["x.index.json", '{"weight_map":{"a":"../../.ssh/id"}}', "unsafe", /"..\/..\/.ssh\/id", which is no plain/],
  ["tokenizer_config.json", '{"chat_template":"{{ messages[0] }}"}', "safe", /^$/],
  [
    "tokenizer_config.json",
    '{"chat_template":"{{ x.__class__ }}"}',
    "unsafe",
    /template that reaches for Python \("__class__"/,
  ],
  [
    "tokenizer_config.json",
    '{"chat_template":[{"name":"a","template":"{{ x|attr(y) }}"}]}',
    "unsafe",
    /reaches for Python/,
  ],
  ["chat_template.jinja", "{% for m in messages %}{{ m }}{% endfor %}", "safe", /^$/],
  ["chat_template.jinja", "{{ cycler.__init__ }}", "unsafe", /reaches for Python/],
  ["tokenizer.json", '{"pre_tokenizer":{"pattern":{"Regex":"(a|a)*b"}}}', "unsafe", /it could run forever/],
  ["tokenizer.json", '{"pre_tokenizer":{"pattern":{"Regex":"\\\\p{L}+"}}}', "safe", /^$/],
  ["vocab.json", "[1, 2]", "safe", /^$/],
  ["model.onnx", external("model.data"), "unsafe", /no outputs/],
  ["model.onnx", external("../../etc/passwd"), "unsafe", /"..\/..\/etc\/passwd", which is no plain file name/],
  ["a.pkl", Uint8Array.from([0x80, 4, 0x7d, 0x2e]), "safe", /^$/],
  ["a.pkl", pickled, "unsafe", /a.pkl: wants Python's "os.system".*byte 2/],
  ["a.joblib", "(S'x'\nios\nsystem\n.", "unsafe", /opcode/],
  ["README.md", pickled, "unsafe", /README.md: wants Python's "os.system"/],
  ["weights", pickled, "unsafe", /os.system/],
  ["notes.txt", "PK\u0003\u0004", "unsafe", /cut short/],
  ["photo.png", "\u007fELF", "unsafe", /program, by its first bytes/],
  ["libx.so.1", "", "unsafe", /is code/],
  ["page.html", "", "unsafe", /is code/],
  ["a.npy", npy("'<f4'", "(3,)", 12), "safe", /^$/],
  ["a.npy", npy("'<f4'", "(2, 3)", 24), "safe", /^$/],
  ["a.npy", npy("'<f4'", "(3,)", 13), "unknown", /1 bytes follow the array/],
  ["a.npy", npy("'<f4'", "(3,)", 11), "unknown", /cut short/],
  ["a.npy", npy("'|O'", "(3,)", 0), "unsafe", /Python objects/],
  ["a.npy", npy("[('a', '<f4'), ('b', '|O')]", "(3,)", 0), "unsafe", /Python objects/],
  // An escape of Python's own in the place of the letter.
  ["a.npy", npy("'|\\x4f'", "(3,)", 0), "unknown", /header is not read/],
  ["a.npy", "x", "unsafe", /no array/],
  ["a.h5", '…{"class_name": "Lambda"}', "unsafe", /Lambda layer is Python code/],
  ["a.keras", "x", "unknown", /other layers/],
  ["a.7z", "x", "unknown", /archive/],
  ["a.gguf", "GGUF", "unsafe", /ends inside a number/],
  ["a.parquet", "PAR1", "unknown", /kind that this program does not read/],
  ["spiece.model", "x", "unsafe", /spiece.model/],
])("%s holding %j is %s", (name, content, verdict, finding) => {
  const folder = mkdtempSync(join(place, "one-"));
  writeFileSync(
    join(folder, name),
    typeof content === "string" && name.endsWith(".npy") ? Buffer.from(content, "latin1") : content,
  );
  const [row] = [...scan(folder)];
  expect(row).toMatchObject({ file: name, verdict });
  expect(row!.findings.join("; ")).toMatch(finding);
  expect(row!.hint === undefined).toBe(verdict === "safe");
});

test("what is no file, too deep or not to be read is a row, not an end", () => {
  const folder = mkdtempSync(join(place, "odd-"));
  mkdirSync(join(folder, Array(40).fill("d").join("/")), { recursive: true });
  mkdirSync(join(folder, "real"));
  symlinkSync("real", join(folder, "linked"));
  symlinkSync("config.json", join(folder, "config.json"));
  const found = Object.fromEntries([...scan(folder)].map(({ findings, ...row }) => [row.file, findings.join()]));
  expect(found).toMatchObject({ linked: /neither a file nor/, "config.json": /in a circle/ });
  expect(Object.values(found).join()).toMatch(/more than 32 folders deep/);
});

test("nothing outside of the folder is opened, a model of the Hugging Face cache is looked at whole", async () => {
  const repository = join(place, "models--a--b");
  const folder = join(repository, "snapshots", "0123");
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(repository, "blobs"));
  writeFileSync(join(repository, "blobs", "abc"), "{}");
  symlinkSync("../../blobs/abc", join(folder, "config.json"));
  symlinkSync("/etc/passwd", join(folder, "vocab.txt"));
  symlinkSync("/etc", join(folder, "data"));
  const { value, opened } = await traceOpens(() => verdicts(folder));
  expect(value).toEqual({ "config.json": "safe", data: "unsafe", "vocab.txt": "unsafe" });
  expect(opened.filter((path) => !path.startsWith(repository))).toEqual([]);
  expect(opened).toContain(join(repository, "blobs", "abc"));
});
