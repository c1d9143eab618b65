/** GGUF files by the program: looked at, opened, and refused in a sentence. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-gguf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/gguf/${name}`, import.meta.url));
const { texts } = JSON.parse(readFileSync(fixture("llama.json"), "utf8")) as {
  texts: { text: string; ids: number[] }[];
};
copyFileSync(fixture("llama.gguf"), join(folder, "m.gguf"));

test("inspect tells what is in the file, and scan whether it is safe", () => {
  const [row] = rowsOf(zeroth(["inspect", "./m.gguf", "--json"]));
  expect(row).toMatchObject({
    architecture: "LlamaForCausalLM",
    kind: "decoder",
    format: "gguf",
    name: "tiny llama",
    tokenizer: "gpt2, gpt-2",
    context: 64,
    chatTemplate: true,
    parameters: 70880,
    vocabulary: 290,
    types: { "model.embed_tokens.weight": "Q8_0", "model.layers.*.mlp.down_proj.weight": "Q4_K, Q6_K" },
    files: [{ name: "m.gguf", bytes: 65760 }],
  });
  const scan = zeroth(["scan", "./m.gguf", "--json"]);
  expect([scan.status, rowsOf(scan)[0]]).toEqual([0, { file: "m.gguf", kind: "gguf", verdict: "safe", findings: [] }]);
  const [plan] = rowsOf(zeroth(["plan", "./m.gguf", "--json", "--machine", "24GB,46GB/s,480GFLOP/s,2GB/s"]));
  expect(plan).toMatchObject({ architecture: "llama" });
});

test("scan finds a template that reaches for Python, and bytes that belong to nothing", () => {
  const bytes = readFileSync(fixture("llama.gguf"));
  const evil = Buffer.from(bytes);
  evil.write("{{ x.__class__.mro() }}", evil.indexOf("{% for m"));
  writeFileSync(join(folder, "evil.gguf"), evil);
  const unsafe = zeroth(["scan", "./evil.gguf", "--json"]);
  expect([unsafe.status, rowsOf(unsafe)[0]]).toEqual([
    1,
    expect.objectContaining({ verdict: "unsafe", findings: [expect.stringMatching(/reaches for Python/)] }),
  ]);
  writeFileSync(join(folder, "loose.gguf"), Buffer.concat([bytes, Buffer.alloc(9000, 1)]));
  const loose = zeroth(["scan", "./loose.gguf", "--json"]);
  expect([loose.status, rowsOf(loose)[0]?.findings]).toEqual([
    2,
    [expect.stringMatching(/90\d\d bytes that belong to no tensor/)],
  ]);
});

test("tokenize, generate and score open it; the first time a copy is written, and said", () => {
  const { text, ids } = texts[0]!;
  expect(rowsOf(zeroth(["tokenize", text, "-m", "./m.gguf", "--json"]))[0]).toMatchObject({ tokens: ids });
  const ask = (...more: string[]) =>
    zeroth(["generate", text, "-m", "./m.gguf", "--max-new-tokens", "4", "--json", ...more]);
  const first = ask();
  expect([first.status, first.stderr]).toEqual([0, expect.stringContaining("writing a copy in unpacked blocks")]);
  const second = ask();
  expect([second.stdout, second.stderr]).toEqual([first.stdout, expect.not.stringContaining("writing")]);
  const rounded = ask("--activations", "int8");
  expect([rounded.status, rounded.stderr]).toEqual([
    0,
    expect.stringMatching(/for int8 activations[\s\S]*products round activations to 8 bits/),
  ]);
  const score = zeroth(["score", text, "-m", "./m.gguf", "--choices", "a gull,rain", "--json"]);
  expect([score.status, rowsOf(score)[0]?.scores]).toEqual([0, [expect.any(Number), expect.any(Number)]]);
  const names = readdirSync(join(folder, "state/quantized")).sort();
  expect(names).toEqual([
    expect.stringMatching(/^m\.gguf-exact-[0-9a-f]{12}$/),
    expect.stringMatching(/^m\.gguf-int8-activations-[0-9a-f]{12}$/),
  ]);
});

test("an evaluation is kept by how products are computed, and by the file", () => {
  const task = 'task: wet\nprompts: "{{ text }} Dry or wet?"\nchoices: [dry, wet]\nlabel: kind\n';
  writeFileSync(join(folder, "wet.yaml"), task);
  writeFileSync(join(folder, "wet.jsonl"), '{"text":"Rain.","kind":"wet"}\n');
  const kept = () => readdirSync(join(folder, "state/evaluations")).length;
  const evaluate = (...more: string[]) =>
    zeroth(["eval", "-m", "./m.gguf", "--task", "wet.yaml", "--data", "wet.jsonl", "--json", ...more]);
  expect([evaluate().status, kept()]).toEqual([0, 1]);
  expect([evaluate("--activations", "int8").status, kept()]).toEqual([0, 2]);
  expect([evaluate().status, kept()]).toEqual([0, 2]);
  utimesSync(join(folder, "m.gguf"), 1, 1);
  expect([evaluate().status, kept()]).toEqual([0, 3]);
});

test("a name of the hub with a file is looked for in the cache", () => {
  const hub = join(folder, "hf/hub");
  const snapshot = join(hub, "models--some--model/snapshots", "a".repeat(40));
  mkdirSync(join(hub, "models--some--model/refs"), { recursive: true });
  mkdirSync(snapshot, { recursive: true });
  writeFileSync(join(hub, "models--some--model/refs/main"), "a".repeat(40));
  copyFileSync(fixture("llama.gguf"), join(snapshot, "tiny.Q4.gguf"));
  copyFileSync(fixture("gpt2.gguf"), join(snapshot, "other.gguf"));
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  const [row] = rowsOf(zeroth(["inspect", "some/model:tiny.Q4.gguf", "--json"]));
  expect(row).toMatchObject({ name: "tiny llama" });
  const several = zeroth(["inspect", "some/model"]);
  expect([several.status, several.stderr]).toEqual([1, expect.stringMatching(/holds 2 GGUF files: other\.gguf, tiny/)]);
  const none = zeroth(["inspect", "some/model:none.gguf"]);
  expect([none.status, none.stderr]).toEqual([3, expect.stringMatching(/no model "some\/model:none\.gguf"/)]);
  vi.unstubAllEnvs();
});

test.each<[string, Buffer, RegExp]>([
  ["cut short", readFileSync(fixture("llama.gguf")).subarray(0, 20_000), /ends at byte|ends inside/],
  ["another file", Buffer.from("hello"), /does not begin with GGUF/],
])("%s: one sentence, no stack", (_, bytes, message) => {
  writeFileSync(join(folder, "bad.gguf"), bytes);
  for (const command of [
    ["inspect", "./bad.gguf"],
    ["generate", "x", "-m", "./bad.gguf"],
    ["tokenize", "x", "-m", "./bad.gguf"],
  ]) {
    const { status, stderr } = zeroth(command);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/\n {4}at /);
  }
});
