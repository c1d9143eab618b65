/**
 * The engine of Node, with its own telemetry off. onnxruntime 1.30 writes a device id and a usage database under the
 * user's cache folder and looks up a collecting host, unless ORT_DISABLE_TELEMETRY is set in the process when its
 * native part is loaded. So that part is loaded here and nowhere else, after the variable is set.
 */
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { fail } from "../errors.ts";

type Engine = typeof import("onnxruntime-common") & { listSupportedBackends(): readonly { readonly name: string }[] };

const variable = "ORT_DISABLE_TELEMETRY";

// Only the main thread's variables are those that native code reads; a worker's are a copy, made when it starts.
if (isMainThread) process.env[variable] = "1";

let loaded: Engine | undefined;

/**
 * The engine that the package carries (`scripts/engines.mjs`), or onnxruntime-node of the same version where somebody
 * installed it, which may have libraries for CUDA beside it. A checkout has only the latter.
 */
function load(require: NodeJS.Require): Engine {
  const versionOf = (name: string) => {
    try {
      return (require(`${name}/package.json`) as { version: string }).version;
    } catch {
      return undefined;
    }
  };
  const [own, installed] = [versionOf("../../engine"), versionOf("onnxruntime-node")];
  const name =
    installed !== undefined && (own === undefined || own === installed) ? "onnxruntime-node" : "../../engine";
  try {
    return require(name) as Engine;
  } catch (cause) {
    return fail("unsupported", `there is no engine for ${process.platform} on ${process.arch} that can be loaded`, {
      hint: "Linux (x64, arm64, glibc), macOS (arm64) and Windows (x64, arm64) have one; --debug shows what failed",
      cause,
    });
  }
}

/**
 * The engine, loaded at the first call.
 * @throws `unsupported` in a worker thread of a program whose main thread has not switched the telemetry off, and where
 *   there is no engine for this system
 */
export function engine(): Engine {
  if (loaded) return loaded;
  if (process.env[variable] !== "1") {
    fail("unsupported", "the engine would report its use from this worker thread", {
      hint: `import "zeroth" in the main thread before the worker starts, or set ${variable}=1 in the environment`,
    });
  }
  loaded = load(createRequire(import.meta.url));
  return loaded;
}
