/** `zeroth pull`: a model from the hub into the cache. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { bytes } from "../output.ts";

export default defineCommand({
  group: "models",
  summary: "Download a model into the cache",
  arguments: "<model>",
  names: modelNames,
  options: [
    { flags: "--revision <name>", help: "branch, tag or commit (main)" },
    {
      flags: "--include <glob>",
      help: "only files that fit, instead of those a run needs; repeatable",
      as: "repeat",
    },
  ],
  rows: 'one `{"file","bytes","sha256"}` a file, then `{"done":true,"model","revision","path","files","bytes"}`',
  example: "zeroth pull google/flan-t5-small",
  async run({ args: [given], flags: { revision, include }, output, signal }) {
    if (given === undefined) fail("wrong_use", "there is no model", { hint: "try: zeroth pull google/flan-t5-small" });
    if (revision !== undefined && given.includes("@")) fail("wrong_use", "give name@revision or --revision, not both");
    const name = revision === undefined ? given : `${given}@${revision}`;
    const { pull } = await import("../../hub/download/pull-node.ts");
    const { pullEvents } = await import("../downloads.ts");
    const { withHint } = await import("../report.ts");
    const options = { signal, events: pullEvents(output), ...(include ? { include } : {}) };
    const hint = `What came is kept; go on with: zeroth pull ${name}`;
    const { path, repo, commit, files } = await withHint(hint, () => pull(name, options));
    for (const { file, bytes: size, sha256 } of files) {
      output.row({ file, bytes: size, sha256 });
      output.text(`${file}  ${bytes(size)}  ${output.dim(`sha256 ${sha256.slice(0, 12)}…`)}\n`);
    }
    const total = files.reduce((sum, file) => sum + file.bytes, 0);
    output.row({ done: true, model: repo, revision: commit, path, files: files.length, bytes: total });
    output.text(`${path}\n`);
    return 0;
  },
});
