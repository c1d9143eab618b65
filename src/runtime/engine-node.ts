/**
 * The engine of Node, with its own telemetry off. onnxruntime 1.30 writes a device id and a usage database under the
 * user's cache folder and looks up a collecting host, unless ORT_DISABLE_TELEMETRY is set in the process when its
 * native part is loaded. So that part is loaded here and nowhere else, after the variable is set.
 */
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { fail } from "../errors.ts";

type Engine = typeof import("onnxruntime-node");

const variable = "ORT_DISABLE_TELEMETRY";

// Only the main thread's variables are those that native code reads; a worker's are a copy, made when it starts.
if (isMainThread) process.env[variable] = "1";

let loaded: Engine | undefined;

/**
 * The engine, loaded at the first call.
 * @throws `unsupported` in a worker thread of a program whose main thread has not switched the telemetry off
 */
export function engine(): Engine {
  if (loaded) return loaded;
  if (process.env[variable] !== "1") {
    fail("unsupported", "the engine would report its use from this worker thread", {
      hint: `import "zeroth" in the main thread before the worker starts, or set ${variable}=1 in the environment`,
    });
  }
  loaded = createRequire(import.meta.url)("onnxruntime-node") as Engine;
  return loaded;
}
