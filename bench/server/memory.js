/** Memory of a program on Linux, for the measures of the server. */
import { readFileSync } from "node:fs";

/** MiB in memory of a process and those that it has started; undefined when it is not there any more. */
export function memoryOf(pid) {
  let status, children;
  try {
    status = readFileSync(`/proc/${pid}/status`, "utf8");
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  } catch (error) {
    // ESRCH where it goes between opening and reading.
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
  const own = Number(status.match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024;
  return children.reduce((sum, child) => sum + (memoryOf(child) ?? 0), own);
}
