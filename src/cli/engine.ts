/** Opening the model a command was given, with a line that says what was opened. */
import { fail } from "../errors.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import { type OpenedLanguageModel, type OpenOptions, openLanguageModel } from "../text/open-node.ts";
import type { CopyEvents } from "../text/quantized-copy-node.ts";
import { storedBytes } from "../weights/quantize.ts";
import { isQuantized } from "../weights/weights.ts";
import { duration, modelFor } from "./models.ts";
import type { Output } from "./output.ts";
import { bytes } from "./output.ts";

export interface EngineFlags {
  readonly model?: string;
  readonly device?: string;
  readonly threads?: number;
  readonly dtype?: string;
}

/** Check the engine's flags; `auto` is cpu until a faster device has been measured to pay. */
export function engineOptions({ device = "auto", threads, dtype }: EngineFlags): OpenOptions {
  if (!["auto", "cpu", "webgpu", "cuda"].includes(device)) {
    fail("wrong_use", `--device ${device}: expected cpu, webgpu, cuda or auto`);
  }
  if (threads !== undefined && (threads < 1 || threads > 1024))
    fail("wrong_use", `--threads ${threads}: expected 1 to 1024`);
  if (dtype !== undefined && !["fp32", "bf16", "int8", "int4"].includes(dtype)) {
    fail("wrong_use", `--dtype ${dtype}: expected fp32, bf16, int8 or int4`);
  }
  return {
    device: device === "auto" ? "cpu" : (device as "cpu"),
    ...(threads === undefined ? {} : { threads }),
    ...(dtype === undefined ? {} : { dtype: dtype as "fp32" }),
  };
}

export interface Opened extends OpenedLanguageModel {
  readonly name: string;
  readonly seconds: number;
}

/** What making a quantised copy says: a line before it, a live one, and that it is kept. */
function copyEvents(output: Output, { dtype }: EngineFlags): CopyEvents {
  let started = 0;
  return {
    begin(size, path) {
      started = performance.now();
      output.say(`writing a copy in ${dtype}, about ${bytes(size)}, once: ${path}`);
    },
    progress(done, total, tensor) {
      const seconds = (performance.now() - started) / 1000;
      const left = done > 0 ? `  ${duration((seconds * (total - done)) / done)} left` : "";
      output.progress(`${((100 * done) / total).toFixed(0).padStart(3)} %${left}  ${tensor}`);
    },
    waiting: () => output.say(`another process is writing the copy in ${dtype}; waiting`),
  };
}

/** Open, after downloading where need be, and say so on stderr. */
export async function openForCommand(flags: EngineFlags, output: Output, signal?: AbortSignal): Promise<Opened> {
  const name = flags.model ?? "zeroth-nano";
  const engine = engineOptions(flags);
  const { path } = await modelFor(name, output, signal);
  const started = performance.now();
  const opened = await openLanguageModel(path, {
    ...engine,
    quantize: { ...(signal && { signal }), events: copyEvents(output, flags) },
  });
  const seconds = (performance.now() - started) / 1000;
  const stored = [...opened.weights.values()];
  const size = storedBytes(opened.weights);
  const types = [...new Set(stored.map((tensor) => (isQuantized(tensor) ? tensor.format : tensor.dtype)))].join("+");
  if (output.terminal) {
    const threads = engine.threads ?? defaultThreads();
    output.say(
      output.dim(
        `${name} · ${types} · ${bytes(size)} · ${engine.device ?? "cpu"} · ${threads} thread${threads === 1 ? "" : "s"} · opened in ${seconds.toFixed(2)} s`,
      ),
    );
  }
  return { ...opened, name, seconds };
}
