/** What scripts that kill have in common: one life of a process, and when it ends. */
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

/** Numbers from 0 to 1 that follow from the seed, so that a failure can be run again. */
export function randomFrom(seed) {
  let state = Number(seed) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
