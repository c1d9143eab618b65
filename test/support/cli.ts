/** The built program run as a person or a script would, in a folder of its own. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));

/** No settings of the machine: an empty cache of models, no colours, no history of prompts. */
export const environment = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  HF_HOME: `${folder}/hf`,
  ZEROTH_HOME: `${folder}/state`,
  NO_COLOR: "1",
});

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` printed, a row a line. */
export const rowsOf = ({ stdout }: Ran): Record<string, unknown>[] =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export const runIn =
  (folder: string) =>
  (args: readonly string[], input = ""): Ran =>
    spawnSync(process.execPath, [program, ...args], {
      input,
      encoding: "utf8",
      cwd: folder,
      env: environment(folder),
    });

/** The same without waiting for its end: what it has printed so far, and what it ended with. */
export const startIn = (folder: string) => (args: readonly string[]) => {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env: environment(folder) });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const end = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, end, stdout: () => stdout };
};
