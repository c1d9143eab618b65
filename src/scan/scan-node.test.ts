/** What `zeroth scan` says of each kind of file. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { traceOpens } from "../../fuzz/trace.js";
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
  ["notes.txt", "PK\u0003\u0004", "unknown", /archive by its first bytes/],
  ["photo.png", "\u007fELF", "unsafe", /program, by its first bytes/],
  ["libx.so.1", "", "unsafe", /is code/],
  ["page.html", "", "unsafe", /is code/],
  ["a.npy", "\u0093NUMPY\u0001\u0000v\u0000{'descr': '<f4', 'shape': (3,)}", "safe", /^$/],
  ["a.npy", "\u0093NUMPY\u0001\u0000v\u0000{'descr': '|O', 'shape': (3,)}", "unsafe", /Python objects/],
  ["a.npy", "x", "unsafe", /no array/],
  ["a.h5", '…{"class_name": "Lambda"}', "unsafe", /Lambda layer is Python code/],
  ["a.keras", "x", "unknown", /other layers/],
  ["a.7z", "x", "unknown", /archive/],
  ["a.gguf", "GGUF", "unknown", /kind that this program does not read/],
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
