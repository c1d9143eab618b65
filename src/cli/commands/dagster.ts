/** `zeroth dagster`: a Dagster project whose assets are jobs, and a look at what Dagster would be told. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["init", "check"] as const;

export default defineCommand({
  group: "train",
  summary: "Jobs as assets of Dagster: write a project, try one partition of every asset without Dagster",
  arguments: "<init|check> [folder]",
  words,
  options: [{ flags: "--store <where>", help: "check: keep results here (a folder that is removed afterwards)" }],
  rows: '`init`: `{"file"}` each, then `{"done":true,"folder"}`; `check`: `{"asset","partition"?,"data_version","metadata","checks":[{"name","passed","severity"}],"messages":[…],"problems":[…]}` an asset, exit 4 where there are problems',
  example: "zeroth dagster init assets",
  async run({ args: [action, folder = "."], flags, output, signal }) {
    const { oneOf } = await import("../parse.ts");
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth dagster init FOLDER" });
    if (oneOf("zeroth dagster", action, words) === "init") {
      const { initDagster } = await import("../../jobs/dagster/init-node.ts");
      for (const file of await initDagster(folder)) output.row({ file });
      output.row({ done: true, folder });
      output.text(`${folder} is a Dagster project: its README.md says what comes next\n`);
      return 0;
    }
    const { checkProject } = await import("../run/dagster.ts");
    return checkProject(folder, flags.store, output, signal);
  },
});
