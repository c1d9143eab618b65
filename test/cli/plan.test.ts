/** `zeroth plan` as a person and a script see it. Machines are written down: nothing is measured but once. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environment, program, type Ran, rowsOf, runIn } from "../support/cli.ts";
import { type HubServer, startHub } from "../support/hub-server.js";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cli-plan-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const machine = ["--machine", "24GB,46GB/s,480GFLOP/s,2GB/s"];

const errorOf = ({ stderr }: Ran) =>
  (JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { code: string; message: string; hint?: string } }).error;

describe("a row", () => {
  const { status, stdout, stderr } = zeroth(["plan", "bigscience/T0", "--json", "--tokens", "1000000", ...machine]);
  const [row, ...more] = rowsOf({ status, stdout, stderr });

  test("is one, and says everything", () => {
    expect([status, stderr, more]).toEqual([0, "", []]);
    expect(row).toMatchObject({
      model: "bigscience/T0",
      architecture: "t5",
      shape: { feed_forward: 10240, encoder_layers: 24 },
      parameters: { total: 11_135_332_352, active: 11_135_332_352, sparse: false, published: "11B" },
      work: { context: 512, new_tokens: 128, batch: 1, dtype: "fp32" },
      machine: { memory: 24e9, bandwidth: 46e9, flops: 480e9, disk: 2e9, measured: false },
      verdict: { verdict: "fits_quantised", dtype: "fp32", largest: "bf16" },
      training_set: { tokens: 1e6, flops: 6e6 * 11_135_332_352 },
    });
  });

  test("has the keys that docs/plan.md lists, and no others", () => {
    const text = readFileSync(fileURLToPath(new URL("../../docs/plan.md", import.meta.url)), "utf8");
    const listed = [...text.slice(text.indexOf("## The row")).matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key!);
    const others = new Set(["files", "note"]);
    expect(listed.filter((key) => !others.has(key)).sort()).toEqual(Object.keys(row!).sort());
  });
});

test("sizes instead of a name, in 4 bits, with a picture", () => {
  const sizes = [
    "--architecture",
    "t5",
    "--width",
    "4096",
    "--feed-forward",
    "10240",
    "--layers",
    "24",
    "--heads",
    "64",
  ];
  const more = [
    "--head-size",
    "64",
    "--vocabulary",
    "32128",
    "--gated",
    "--untied",
    "--dtype",
    "q8",
    "--plot",
    "a.svg",
  ];
  const { status, stdout, stderr } = zeroth(["plan", ...sizes, ...more, ...machine]);
  expect([status, stderr]).toEqual([0, "a.svg is written\n"]);
  expect(stdout).toContain("11,135,332,352");
  expect(stdout).toContain("✓ Fits in q8: 12.5 GB of 24.0 GB");
  expect(readFileSync(join(folder, "a.svg"), "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
});

const refused: [args: string[], status: number, code: string, hint: string][] = [
  [["plan", "gpt3-175"], 3, "not_found", "gpt3-175b"],
  [["plan", "./none"], 3, "not_found", ""],
  [["plan", "t5-base", "t5-large"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--width", "5"], 2, "wrong_use", ""],
  [["plan", "--width", "5"], 2, "wrong_use", ""],
  [
    ["plan", "--architecture", "switch", "--width", "8", "--layers", "2", "--heads", "2", "--vocabulary", "9"],
    2,
    "wrong_use",
    "",
  ],
  [["plan", "t5-base", "--batch", "0"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--context", "-4"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--dtype", "int3"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--train", "lion"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--train", "none", "--tune", "lora"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--tune", "prompt", "--rank", "4"], 2, "wrong_use", ""],
  [["plan", "t5-base", "--machine", "24GB"], 2, "wrong_use", "24GB,46GB/s"],
  [["plan", "bad.json"], 1, "corrupt_file", ""],
  [["plan", "t5-base", "--contxt", "4"], 2, "wrong_use", "--context"],
];
test.each(refused)("%j exits %i", (args, status, code, hint) => {
  writeFileSync(join(folder, "bad.json"), '{"model_type":"t5","d_model":0}');
  const given = args.includes("--machine") ? [] : machine;
  const { HF_HUB_OFFLINE: before } = process.env;
  process.env.HF_HUB_OFFLINE = "1";
  const ran = zeroth([...args, "--json", ...given]);
  if (before === undefined) delete process.env.HF_HUB_OFFLINE;
  else process.env.HF_HUB_OFFLINE = before;
  const error = errorOf(ran);
  expect([ran.status, error.code, ran.stdout]).toEqual([status, code, ""]);
  expect(error.hint ?? "").toContain(hint);
});

test("this machine is measured through the engine", () => {
  const { status, stdout, stderr } = zeroth(["plan", "--json"]);
  expect(status).toBe(0);
  const [row] = rowsOf({ status, stdout, stderr }) as [{ machine: Record<string, number>; verdict: object }];
  for (const key of ["memory", "bandwidth", "flops", "flops_int8"]) expect(row.machine[key]).toBeGreaterThan(1e6);
  expect(row.machine.measured).toBe(true);
});

describe("a name that nobody knows", () => {
  let hub: HubServer;
  const config = { model_type: "gpt2", vocab_size: 100, n_positions: 700, n_embd: 8, n_layer: 2, n_head: 2 };
  beforeAll(async () => {
    const files = { "config.json": Buffer.from(JSON.stringify(config)), "model.safetensors": Buffer.alloc(5000) };
    hub = await startHub({ "acme/tiny": { files } });
  });
  afterAll(() => hub.close());

  const run = (args: string[], more: Record<string, string>) =>
    new Promise<Ran>((resolve) => {
      const env = { ...environment(folder), HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: "", ...more };
      const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
      const said = { stdout: "", stderr: "" };
      child.stdout.on("data", (data) => {
        said.stdout += data;
      });
      child.stderr.on("data", (data) => {
        said.stderr += data;
      });
      child.on("close", (status) => resolve({ status, ...said }));
    });

  test("its configuration alone is fetched, once; then nobody is asked", async () => {
    const first = await run(["plan", "acme/tiny", "--json", ...machine], {});
    expect([first.status, rowsOf(first)[0]]).toMatchObject([0, { model: "acme/tiny", architecture: "gpt2" }]);
    expect(first.stderr).toContain("fetching its config.json alone");
    const fetched = hub.requests.filter(({ kind }) => kind !== "api").map(({ file }) => file);
    expect(new Set(fetched)).toEqual(new Set(["config.json"]));
    hub.requests.length = 0;
    const again = await run(["plan", "acme/tiny", "--json", ...machine], { HF_HUB_OFFLINE: "1" });
    expect(rowsOf(again)[0]!.parameters).toEqual(rowsOf(first)[0]!.parameters);
    expect(hub.requests).toEqual([]);
    expect(existsSync(join(folder, "hf/hub/models--acme--tiny"))).toBe(true);
  });

  test("what the hub does not have is not found", async () => {
    const ran = await run(["plan", "acme/none", "--json", ...machine], {});
    expect([ran.status, errorOf(ran).code]).toEqual([3, "not_found"]);
  });
});

test("completion offers what can be planned", () => {
  const offered = zeroth(["completion", "names", "plan"]).stdout.split("\n");
  expect(offered).toEqual(expect.arrayContaining(["zeroth-nano", "gpt3-175b", "google/flan-t5-xl"]));
});
