/** `zeroth pipes`: what Dagster set, made readable, and what its tests of a client ask for. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["decode", "selftest"] as const;

export default defineCommand({
  group: "program",
  summary: "Dagster Pipes: read a value that Dagster set; answer its tests of a client",
  arguments: "<decode|selftest> [value]",
  words,
  options: [
    { flags: "--test-name <name>", help: "selftest: which test" },
    { flags: "--extras <file>", help: "selftest: extras as they must arrive" },
    { flags: "--job-name <name>", help: "selftest: the job's name as it must arrive" },
    { flags: "--custom-payload <file>", help: "selftest: what is sent" },
    { flags: "--report-asset-materialization <file>", help: "selftest: what is told of a result" },
    { flags: "--report-asset-check <file>", help: "selftest: what is told of a check" },
    { flags: "--context-loader <name>", help: "selftest: found by what Dagster set" },
    { flags: "--message-writer <name>", help: "selftest: found by what Dagster set" },
    { flags: "--dagster-pipes-context <value>", help: "what Dagster gives instead of a variable" },
    { flags: "--dagster-pipes-messages <value>", help: "the same for messages" },
  ],
  rows: "`decode`: what the value says",
  example: 'zeroth pipes decode "$DAGSTER_PIPES_CONTEXT"',
  async run({ args: [action, value], flags, output }) {
    const { oneOf } = await import("../parse.ts");
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth pipes decode VALUE" });
    if (oneOf("zeroth pipes", action, words) === "decode") {
      const { decodeParam } = await import("../../jobs/pipes/params-node.ts");
      const decoded = decodeParam(value ?? fail("wrong_use", "which value?"), "the value");
      output.row(decoded);
      output.text(`${JSON.stringify(decoded, null, 2)}\n`);
      return 0;
    }
    const { openPipes } = await import("../../jobs/pipes/pipes-node.ts");
    const { selfTest } = await import("../../jobs/pipes/selftest-node.ts");
    const pipes = await openPipes();
    try {
      selfTest(flags, pipes);
      await pipes.close();
      return 0;
    } catch (error) {
      await pipes.close(error);
      throw error;
    }
  },
});
