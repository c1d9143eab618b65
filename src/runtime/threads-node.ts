/** How many threads the engine may use: what the machine, the affinity mask and the container's quota allow. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** CPUs granted by the control group (version 2, then 1), or Infinity without a limit. */
export function cgroupCpus(readFile: (path: string) => string | undefined = read): number {
  const [quota, period] = (readFile("/sys/fs/cgroup/cpu.max") ?? "max").split(/\s+/);
  if (quota && quota !== "max") return Number(quota) / Number(period ?? 100_000);
  const old = Number(readFile("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? -1);
  const oldPeriod = Number(readFile("/sys/fs/cgroup/cpu/cpu.cfs_period_us") ?? 100_000);
  return old > 0 && oldPeriod > 0 ? old / oldPeriod : Infinity;
}

/** Threads to use when the caller names no number; at least one. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupCpus())));
}
