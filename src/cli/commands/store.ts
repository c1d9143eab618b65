/** `zeroth store`: what is in a store of results, whether it is whole, and what may go. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["ls", "show", "verify", "gc"] as const;

export default defineCommand({
  group: "train",
  summary: "Results of jobs: list, show, check every byte, clean up",
  arguments: "<ls|show|verify|gc> [job-or-key] [partition]",
  words,
  options: [
    { flags: "--store <where>", help: "a folder, or s3://BUCKET/PREFIX" },
    { flags: "--out <folder>", help: "show: copy the result's files there" },
    { flags: "--keep-refs", help: "gc: remove every result that is not the latest of its partition, too" },
    { flags: "--older <hours>", help: "gc: only what was last written so long ago (24)", as: "number" },
  ],
  rows: '`ls`: `{"key","job","partition","output_hash","bytes","seconds","latest"}`; `show JOB PARTITION` or `show KEY`: the manifest, `{"key","job","partition","files":[{"path","bytes","sha256"}],"metrics","checks",…}`; `verify`: `{"key","problem"}` each, then `{"done":true,"results","problems","unfinished"}`, exit 4 where there are some; `gc`: `{"done":true,"removed","bytes"}`',
  example: "zeroth store show eval plain --store results",
  async run({ args: [action, name, partition], flags, output }) {
    const { oneOf } = await import("../parse.ts");
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth store ls --store FOLDER" });
    const todo = oneOf("zeroth store", action, words);
    const where =
      flags.store ?? fail("wrong_use", "--store is needed", { hint: "the folder that zeroth run wrote to" });
    const { existsSync } = await import("node:fs");
    if (!/^s3:/.test(where) && !existsSync(where)) fail("not_found", "no such store", { where });
    const { openStore } = await import("../../jobs/store/open-node.ts");
    const { keep } = await import("../run/store.ts");
    const { out, keepRefs = false, older = 24 } = flags;
    return keep(await openStore(where), { todo, name, partition, out, keepRefs, hours: older }, output);
  },
});
