/** `zeroth pull`: a model from the hub into the cache. */
import { fail, ZerothError } from "../errors.ts";
import { pull as download } from "../hub/download/pull-node.ts";
import { pullEvents } from "./models.ts";
import { bytes, type Output } from "./output.ts";

export interface PullFlags {
  readonly revision?: string;
  readonly include?: readonly string[];
}

export async function pull(
  names: readonly string[],
  { revision, include }: PullFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const [given, ...more] = names;
  if (given === undefined) fail("wrong_use", "there is no model", { hint: "try: zeroth pull google/flan-t5-small" });
  if (more.length > 0) fail("wrong_use", "one model at a time");
  if (revision !== undefined && given.includes("@")) fail("wrong_use", "give name@revision or --revision, not both");
  const name = revision === undefined ? given : `${given}@${revision}`;
  try {
    const { path, repo, commit, files } = await download(name, {
      signal,
      events: pullEvents(output),
      ...(include ? { include } : {}),
    });
    for (const { file, bytes: size, sha256 } of files) {
      output.row({ file, bytes: size, sha256 });
      output.text(`${file}  ${bytes(size)}  ${output.dim(`sha256 ${sha256.slice(0, 12)}…`)}\n`);
    }
    const total = files.reduce((sum, file) => sum + file.bytes, 0);
    output.row({ done: true, model: repo, revision: commit, path, files: files.length, bytes: total });
    output.text(`${path}\n`);
    return 0;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "interrupted") {
      throw new ZerothError("interrupted", error.message, {
        hint: `What came is kept; go on with: zeroth pull ${name}`,
        cause: error,
      });
    }
    throw error;
  }
}
