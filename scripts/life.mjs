/** One life of a process for scripts that kill: what was started, until it ends by itself or is killed after so long. */
import { spawn } from "node:child_process";

/**
 * Runs Node with `args`; killed by SIGKILL after `delay` milliseconds where one is given. Gives whether it was killed and how
 * long it lived. @throws Error with what it said where it failed
 */
export function life(args, { delay, ...options } = {}) {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], ...options });
    const began = performance.now();
    let errors = "";
    child.stderr.on("data", (data) => {
      errors += data;
    });
    const timer = delay === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), delay);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== "SIGKILL" && code !== 0) reject(new Error(`a life ended with ${code ?? signal}: ${errors}`));
      else settle({ killed: signal === "SIGKILL", took: performance.now() - began });
    });
  });
}
