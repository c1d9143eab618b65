/**
 * What the suite of tests of Dagster's community asks of a client: to say certain things, whose names and texts are
 * theirs. `zeroth pipes selftest` is the program that it starts.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { fail } from "../../errors.ts";
import type { Severity } from "../events.ts";
import type { Metadata } from "./metadata.ts";
import type { Pipes } from "./pipes-node.ts";

export interface SelfTest {
  readonly testName?: string | undefined;
  readonly extras?: string | undefined;
  readonly jobName?: string | undefined;
  readonly customPayload?: string | undefined;
  readonly reportAssetMaterialization?: string | undefined;
  readonly reportAssetCheck?: string | undefined;
}

const values: Metadata = {
  bool_true: { type: "bool", raw_value: true },
  bool_false: { type: "bool", raw_value: false },
  float: { type: "float", raw_value: 0.1 },
  int: { type: "int", raw_value: 1 },
  url: { type: "url", raw_value: "https://dagster.io" },
  path: { type: "path", raw_value: "/dev/null" },
  null: { type: "null", raw_value: null },
  md: { type: "md", raw_value: "**markdown**" },
  json: { type: "json", raw_value: { quux: { a: 1, b: 2 }, corge: null, qux: [1, 2, 3], foo: "bar", baz: 1 } },
  text: { type: "text", raw_value: "hello" },
  asset: { type: "asset", raw_value: "foo/bar" },
  dagster_run: { type: "dagster_run", raw_value: "db892d7f-0031-4747-973d-22e8b9095d9d" },
  notebook: { type: "notebook", raw_value: "notebook.ipynb" },
};

const read = (file: string | undefined): Record<string, unknown> =>
  file === undefined
    ? fail("wrong_use", "the test needs a file")
    : (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>);

function needSame(what: string, got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) {
    fail("check_failed", `${what}: got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
  }
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

type Files = Omit<SelfTest, "testName">;

/** What each test asks for. */
const tests: Readonly<Record<string, (pipes: Pipes, files: Files) => void>> = {
  test_components(pipes, { extras, jobName }) {
    needSame("extras", pipes.extras, read(extras));
    needSame("job name", pipes.jobName, jobName);
    pipes.custom("Hello from external process!");
  },
  test_extras: (pipes, { extras }) => needSame("extras", pipes.extras, read(extras)),
  test_error_reporting() {
    throw new Error("Very bad error has happened!");
  },
  test_message_log(pipes) {
    for (const level of ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const) {
      pipes.log(level, `${level[0]}${level.slice(1).toLowerCase()} message`);
    }
  },
  test_message_report_custom_message: (pipes, { customPayload }) => pipes.custom(read(customPayload).payload),
  test_message_report_asset_materialization(pipes, { reportAssetMaterialization }) {
    const { assetKey, dataVersion } = read(reportAssetMaterialization);
    pipes.materialize({ asset: text(assetKey), dataVersion: text(dataVersion), metadata: values });
  },
  test_message_report_asset_check(pipes, { reportAssetCheck }) {
    const { assetKey, checkName, passed, severity } = read(reportAssetCheck);
    pipes.check({
      ...{ asset: text(assetKey), name: String(checkName), passed: passed === true, metadata: values },
      severity: severity as Severity,
    });
  },
};

/** A test by its name. @throws what the test asks for, or where something differs */
export function selfTest({ testName = "", ...files }: SelfTest, pipes: Pipes): void {
  const run = Object.hasOwn(tests, testName) ? tests[testName]! : fail("wrong_use", `there is no test "${testName}"`);
  run(pipes, files);
}
