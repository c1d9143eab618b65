import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { fakeS3 } from "../../../test/support/fake-s3.ts";
import { ZerothError } from "../../errors.ts";
import { encodeParam, readMessages } from "../dagster/double-node.ts";
import type { Outcome } from "../run-node.ts";
import { assetKeyParts, assetKeyText } from "./keys.ts";
import { type Metadata, metadata, metadataSchema } from "./metadata.ts";
import { bootstrapOf, decodeParam, withoutPipesOptions } from "./params-node.ts";
import { exceptionOf, openPipes } from "./pipes-node.ts";
import { redacted } from "./redact.ts";
import { checksOf, dataVersionOf, metadataOf } from "./report.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-pipes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

const context = {
  asset_keys: ["scores"],
  run_id: "r",
  job_name: "j",
  retry_number: 1,
  partition_key: "p",
  provenance_by_asset_key: {
    scores: { code_version: "1", input_data_versions: { rows: "v" }, is_user_provided: false },
  },
  extras: { partitions: ["a", { template: "t", dataset: "d" }], store: "s" },
  of_a_later_version: true,
};
/** What the messages' file holds after a session. */
async function session(
  use: (pipes: Awaited<ReturnType<typeof openPipes>>) => void | Promise<void>,
  given: object = {},
) {
  const path = join(folder, `messages-${made++}`);
  const env = {
    DAGSTER_PIPES_CONTEXT: encodeParam({ data: { ...context, ...given } }),
    DAGSTER_PIPES_MESSAGES: encodeParam({ path }),
  };
  const pipes = await openPipes({ env, argv: [] });
  await use(pipes);
  await pipes.close();
  return readMessages(readFileSync(path, "utf8"), { assets: ["scores"], checks: ["fine"] });
}

test("values are read as Python writes them", () => {
  // base64(zlib(json)) of Python 3.11.
  const python = "eJyrVipILMlQslJQ0i/JLdCv0E/OzytJrShR0lFQiik1MEi1BMpFG+oo5JXm5OgoVCslAvklRaWptbG1ADHxEo8=";
  expect(decodeParam(python, "V")).toEqual({ path: "/tmp/x/context", é: [1, null, { a: true }] });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as object;
      expect(decodeParam(encodeParam(plain), "V")).toEqual(plain);
    }),
  );
});

test.each([
  ["not base64", "%%%", "base64"],
  ["not zlib", Buffer.from("hello").toString("base64"), "zlib"],
  ["not an object", encodeParam([1]), "expected an object"],
])("a value that is %s names the variable and the step", (_, value, step) => {
  expect(() => decodeParam(value, "DAGSTER_PIPES_CONTEXT")).toThrow(step);
  expect(() => decodeParam(value, "DAGSTER_PIPES_CONTEXT")).toThrow("DAGSTER_PIPES_CONTEXT");
});

test("options of the command line carry the same as variables, and are no options of the job", () => {
  const argv = ["run", "eval", "--dagster-pipes-context", encodeParam({ a: 1 }), "--all"];
  const messages = `--dagster-pipes-messages=${encodeParam({ b: 2 })}`;
  expect(bootstrapOf({}, [...argv, messages])).toEqual({ context: { a: 1 }, messages: { b: 2 } });
  expect(withoutPipesOptions([...argv, messages])).toEqual(["run", "eval", "--all"]);
  expect(bootstrapOf({}, ["run"])).toBeUndefined();
  expect(() => bootstrapOf({ DAGSTER_PIPES_CONTEXT: encodeParam({}) }, [])).toThrow("DAGSTER_PIPES_MESSAGES is not");
});

test("asset keys: parts with slashes and backslashes", () => {
  expect(assetKeyText(["a/b", "c"])).toBe("a\\/b/c");
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (parts) => {
      expect(assetKeyParts(assetKeyText(parts))).toEqual(parts);
    }),
  );
});

test("a session: everything arrives, in order, by the rules of the other side", async () => {
  const received = await session((pipes) => {
    expect(pipes).toMatchObject({ active: true, retry: 1, partitions: ["a", "d|t"], partitionKey: "p", jobName: "j" });
    expect(pipes.previousInputs()).toEqual({ rows: "v" });
    pipes.log("INFO", "on the way, hf_abcdefghijklmnop");
    pipes.materialize({
      dataVersion: "v2",
      metadata: {
        loss: metadata.float(1),
        bad: metadata.float(Number.NaN),
        n: metadata.int(3),
        big: metadata.int(2 ** 60),
      },
    });
    pipes.check({ name: "fine", passed: false, severity: "WARN" });
    pipes.custom({ any: [null] });
  });
  expect(received.problems).toEqual([]);
  expect(received.methods).toEqual([
    ...["opened", "log", "report_asset_materialization", "report_asset_check", "report_custom_message", "closed"],
  ]);
  expect(received.logs[0]!.message).toBe("on the way, hf_***");
  expect(received.materializations[0]).toEqual({
    asset: "scores",
    dataVersion: "v2",
    metadata: {
      loss: { type: "float", raw_value: 1 },
      bad: { type: "text", raw_value: "NaN" },
      n: { type: "int", raw_value: 3 },
      big: { type: "text", raw_value: "1152921504606846976" },
    },
  });
  expect(received.checks).toMatchObject([{ name: "fine", passed: false, severity: "WARN" }]);
});

test("what the other side could not read is refused before it is written", async () => {
  const received = await session(
    (pipes) => {
      pipes.materialize({ asset: "scores" });
      expect(() => pipes.materialize({ asset: "scores" })).toThrow("materialised already");
      expect(() => pipes.check({ name: "fine", passed: true })).toThrow("which asset? in scope: scores, other");
      expect(() => pipes.check({ asset: "nothing", name: "fine", passed: true })).toThrow("not an asset of this run");
      const wrong = { "": { type: "int", raw_value: 0.5 } } as unknown as Metadata;
      expect(() => pipes.check({ asset: "scores", name: "fine", passed: true, metadata: wrong })).toThrow("metadata");
      pipes.closeNow(new Error("over"));
      expect(() => pipes.log("INFO", "late")).toThrow("closed");
    },
    { asset_keys: ["scores", "other"] },
  );
  expect(received.problems).toEqual([]);
  expect(received.methods).toEqual(["opened", "report_asset_materialization", "closed"]);
  expect(received.exception?.message).toBe("over");
});

test("the other side refuses what it must: a key too many, one that lacks, what is not declared, what comes late", () => {
  const line = (method: string, params: object) => JSON.stringify({ __dagster_pipes_version: "0.1", method, params });
  const scope = { assets: ["a"], checks: [] };
  const problems = (...lines: string[]) =>
    readMessages([line("opened", { extras: {} }), ...lines].join("\n"), scope).problems;
  expect(problems(line("log", { message: "m", level: "INFO", more: 1 }))).toHaveLength(1);
  expect(problems(line("log", { message: "m" }))).toHaveLength(1);
  const float = { type: "float", raw_value: 1 };
  const told = { asset_key: "a", data_version: null, metadata: { loss: float } };
  expect(problems(line("report_asset_materialization", told)).join()).toContain("is not a float");
  expect(
    problems(
      line("report_asset_check", { asset_key: "a", check_name: "c", passed: true, severity: "WARN", metadata: null }),
    ),
  ).toEqual(["the check c is not declared"]);
  expect(problems(line("closed", { exception: { message: "m", stack: [], name: null, cause: null } }))).toHaveLength(1);
  expect(problems(line("closed", {}), line("log", { message: "m", level: "INFO" }))).toEqual(["log after closed"]);
  expect(problems("half a li")).toHaveLength(1);
});

test("an error has the five keys, and its causes", () => {
  const error = new ZerothError("bad_input", "outer", { cause: new TypeError("inner, password=hunter22") });
  expect(exceptionOf(error)).toMatchObject({
    ...{ message: "outer", name: "bad_input", context: null },
    cause: { message: "inner, password=***", name: "TypeError", cause: null, context: null },
  });
  expect(exceptionOf("a text")).toEqual({ message: "a text", stack: [], name: null, cause: null, context: null });
});

test("a folder gets numbered pieces without a gap, lines joined, none with an end of its own", async () => {
  const path = join(folder, "pieces");
  mkdirSync(path);
  const env = {
    DAGSTER_PIPES_CONTEXT: encodeParam({ data: context }),
    DAGSTER_PIPES_MESSAGES: encodeParam({ path }),
  };
  const pipes = await openPipes({ env, argv: [], every: 5 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  pipes.log("INFO", "one");
  pipes.log("INFO", "two");
  await pipes.close();
  expect(readdirSync(path).sort()).toEqual(["1.json", "2.json"]);
  const texts = ["1.json", "2.json"].map((name) => readFileSync(join(path, name), "utf8"));
  expect(texts[1]!.split("\n").map((line) => (JSON.parse(line) as { method: string }).method)).toEqual([
    "log",
    "log",
    "closed",
  ]);
});

test("a bucket gets the same, and gives the context", async () => {
  await using service = await fakeS3();
  Object.assign(process.env, { AWS_ENDPOINT_URL: service.url, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
  try {
    service.objects.set("channel/context.json", Buffer.from(JSON.stringify(context)));
    const env = {
      DAGSTER_PIPES_CONTEXT: encodeParam({ bucket: "channel", key: "context.json" }),
      DAGSTER_PIPES_MESSAGES: encodeParam({ bucket: "channel", key_prefix: "m" }),
    };
    const pipes = await openPipes({ env, argv: [] });
    expect(pipes.runId).toBe("r");
    pipes.log("INFO", "one");
    await pipes.close();
    const text = service.objects.get("channel/m/1.json")!.toString();
    expect(readMessages(text, { assets: [], checks: [] }).methods).toEqual(["opened", "log", "closed"]);
    const gone = { ...env, DAGSTER_PIPES_CONTEXT: encodeParam({ bucket: "channel", key: "none" }) };
    await expect(openPipes({ env: gone, argv: [] })).rejects.toMatchObject({ code: "storage_failed" });
  } finally {
    for (const name of ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) delete process.env[name];
  }
});

test("where messages cannot be written the work goes on, and it is told once", async () => {
  const path = join(folder, "not-there", "messages");
  const env = {
    DAGSTER_PIPES_CONTEXT: encodeParam({ data: context }),
    DAGSTER_PIPES_MESSAGES: encodeParam({ path }),
  };
  const lost: unknown[] = [];
  const pipes = await openPipes({ env, argv: [], onLost: (error) => lost.push(error) });
  pipes.log("INFO", "one");
  await pipes.close();
  expect(lost).toHaveLength(1);
  const file = join(folder, "context.json");
  writeFileSync(file, JSON.stringify({ run_id: 5 }));
  const bad = { ...env, DAGSTER_PIPES_CONTEXT: encodeParam({ path: file }) };
  await expect(openPipes({ env: bad, argv: [] })).rejects.toThrow("run_id");
});

test("whoever is not started by Dagster does nothing", async () => {
  const pipes = await openPipes({ env: {}, argv: [] });
  expect(pipes.active).toBe(false);
  pipes.materialize({});
  pipes.check({ name: "", passed: true });
  await pipes.close();
});

test("a table's columns have types; what is of several kinds is text", () => {
  const table = metadata.table([
    { a: 1, b: 0.5, c: "x", d: true, e: 1 },
    { a: 2, b: 3, c: null, d: false, e: "y", f: Number.NaN },
  ]);
  expect(metadataSchema.safeParse({ table }).success).toBe(true);
  expect(table.raw_value).toEqual({
    records: [
      { a: 1, b: 0.5, c: "x", d: true, e: "1", f: null },
      { a: 2, b: 3, c: null, d: false, e: "y", f: null },
    ],
    schema: [
      ...[
        { name: "a", type: "integer" },
        { name: "b", type: "number" },
        { name: "c", type: "string" },
      ],
      ...[
        { name: "d", type: "boolean" },
        { name: "e", type: "string" },
        { name: "f", type: "number" },
      ],
    ],
  });
});

test("what opens a door is taken out, what only looks like it stays", () => {
  expect(redacted("postgres://me:hunter2@host/db?x=1")).toBe("postgres://me:***@host/db?x=1");
  expect(redacted("Authorization: Bearer abcdefghijkl")).toBe("Authorization: Bearer ***");
  expect(redacted("AWS_SECRET_ACCESS_KEY=abcd/efgh")).toBe("AWS_SECRET_ACCESS_KEY=***");
  for (const harmless of ["prompt_tokens: 2345", "max_new_tokens=256", "tokenizer: unigram", "s3://bucket/key"]) {
    expect(redacted(harmless)).toBe(harmless);
  }
});

const outcome = (partition: string, accuracy: number | "NaN", passed: boolean): Outcome => ({
  partition,
  cached: partition === "b",
  manifest: {
    ...{ schema: 1, key: "0".repeat(64), job: "eval", jobVersion: 1, partition, identity: {}, files: [] },
    metrics: { "rte/accuracy": accuracy, examples: 10 },
    checks: [{ name: "no_nan", passed, severity: "ERROR", about: `about ${partition}` }],
    ...{ outputHash: partition.repeat(32).slice(0, 32), versions: {}, seconds: 2 },
  },
});

test("of one partition its numbers are told, of several a table with median, least and greatest", () => {
  const one = metadataOf([outcome("a", 1, true)], "s");
  expect(one["rte/accuracy"]).toEqual({ type: "float", raw_value: 1 });
  expect(one.examples).toEqual({ type: "int", raw_value: 10 });
  expect(metadataSchema.safeParse(one).success).toBe(true);
  const all = [outcome("a", 0.5, true), outcome("b", 0.75, false), outcome("c", "NaN", true)];
  const several = metadataOf(all, "s");
  expect(metadataSchema.safeParse(several).success).toBe(true);
  expect(several.cached_partitions).toEqual({ type: "int", raw_value: 1 });
  const { records } = several.table!.raw_value as { records: Record<string, unknown>[] };
  expect(records.map((row) => [row.partition, row["rte/accuracy"]])).toEqual([
    ...[
      ["a", "0.5"],
      ["b", "0.75"],
      ["c", "NaN"],
    ],
    ...[
      ["median", "0.625"],
      ["least", "0.5"],
      ["greatest", "0.75"],
    ],
  ]);
  expect(checksOf(all)).toMatchObject([
    { name: "no_nan", passed: false, metadata: { about: { raw_value: "b: about b" } } },
  ]);
  const hash = (text: string) => text.padEnd(32, "x");
  expect(dataVersionOf([all[0]!], hash)).toBe(all[0]!.manifest.outputHash);
  expect(dataVersionOf(all, hash)).toBe(dataVersionOf([...all].reverse(), hash));
});
