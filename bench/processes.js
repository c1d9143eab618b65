/** Starting the processes that are measured, and what the system keeps of their files. */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The environment of every measured process: as many threads for all, and no network. */
export const environment = (threads) => ({
  ...process.env,
  // Peers on the same engine are measured as quiet as the program is.
  ORT_DISABLE_TELEMETRY: "1",
  OMP_NUM_THREADS: threads,
  MKL_NUM_THREADS: threads,
  HF_HUB_OFFLINE: "1",
});

/** Version of a module that this Python can import, or undefined. */
export function pythonVersion(python, module) {
  const code = `import ${module}; print(${module}.__version__)`;
  const asked = spawnSync(python, ["-c", code], { encoding: "utf8" });
  return asked.status === 0 ? asked.stdout.trim().split("\n").at(-1) : undefined;
}

/** The line that names the error, of what Python or Node print when they stop. */
function cause(errors) {
  const lines = errors.trim().split("\n");
  return (lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)).slice(0, 400);
}

/** Run to the end; the JSON lines it printed, and after how many milliseconds the first one came. */
export function child(command, args, env) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const made = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let [text, errors, first] = ["", "", undefined];
    made.stdout.on("data", (data) => {
      text += data;
      if (/^\{/m.test(text)) first ??= performance.now() - start;
    });
    made.stderr.on("data", (data) => {
      errors += data;
    });
    made.on("error", reject);
    made.on("close", (code) => {
      const rows = text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      if (code === 0 && rows.length > 0) resolve({ rows, first });
      else reject(new Error(`${command} ${args.join(" ")}: exit ${code}: ${cause(errors)}`));
    });
  });
}

const filesOf = (path) =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesOf(join(path, name))) : [path];

/**
 * Make the system forget the bytes of these files and folders: their next reader waits for the disk.
 * @throws where the system has no `dd` that can
 */
export function forget(paths) {
  // Only what lies on the disk can be forgotten.
  spawnSync("sync", paths.flatMap(filesOf));
  for (const path of paths.flatMap(filesOf)) {
    // GNU dd: with no blocks to copy it advises the system that the whole file is not needed.
    const { status, error, stderr } = spawnSync("dd", [`if=${path}`, "iflag=nocache", "count=0"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`the cache of ${path} cannot be dropped: ${error?.message ?? stderr.trim()}`);
  }
}
