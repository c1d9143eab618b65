/** What `zeroth scan` says of each kind of file. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { shippedModels } from "./folder-node.ts";
import { scan } from "./scan-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-scan-"));
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
    "model.onnx": "unknown",
    "model.safetensors": "unsafe",
    "modeling.py": "unsafe",
    "pytorch_model.bin": "unsafe",
    "tokenizer.json": "unsafe",
    "vocab.txt": "unsafe",
  });
  const found = [...scan(join(folder, "pytorch_model.bin"))][0]!;
  expect(found.findings.join()).toMatch(/posix\.system/);
  expect(() => [...scan(join(place, "nothing"))]).toThrow(/no such file/);
});
