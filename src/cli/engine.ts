/** Opening the model a command was given, with a line that says what was opened. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fail, throwIfAborted } from "../errors.ts";
import type { CopyEvents } from "../text/copies/kept-node.ts";
import {
  type OpenedEncoder,
  type OpenedLanguageModel,
  type OpenOptions,
  openEncoder,
  openLanguageModel,
} from "../text/open-node.ts";
import { storedBytes } from "../weights/quantize.ts";
import { isQuantized } from "../weights/weights.ts";
import type { Flags } from "./command.ts";
import { modelFor } from "./downloads.ts";
import { sayLong } from "./lengths.ts";
import type { engine, model } from "./options.ts";
import { bytes, duration, type Output } from "./output.ts";
import { threadsFor } from "./threads.ts";

export type EngineFlags = Flags<readonly [...typeof engine, typeof model]> & {
  /** Where the command takes one. */
  readonly adapter?: string | undefined;
};

/** A model and the folder of the adapter on it, of `--adapter`, or of a name as BASE:FOLDER. */
export function withAdapter({ model: name = "zeroth-nano", adapter }: Pick<EngineFlags, "model" | "adapter">) {
  const colon = name.lastIndexOf(":");
  // A name without a colon, or one whose end is no folder, is a model's.
  if (colon < 1 || existsSync(name)) return { name, adapter };
  const folder = name.slice(colon + 1);
  return existsSync(folder) ? { name: name.slice(0, colon), adapter: adapter ?? folder } : { name, adapter };
}

/**
 * Refuse a device that is not here. Asked in a process of its own, because the engine writes its log of what is missing
 * straight to the screen.
 */
export async function needDevice(device: "webgpu" | "cuda", signal: AbortSignal | undefined): Promise<void> {
  const script = fileURLToPath(new URL("./device-probe.js", import.meta.url));
  const child = spawn(process.execPath, [script, device], { stdio: "ignore", ...(signal && { signal }) });
  const works = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false));
    child.once("close", (status) => resolve(status === 0));
  });
  throwIfAborted(signal);
  if (!works) fail("unsupported", `there is no ${device} device here`, { hint: "use --device cpu" });
}

/** What the engine's flags ask for; `auto` is cpu until a faster device has been measured to pay. */
export async function engineOptions(
  { device = "auto", threads, dtype, activations }: EngineFlags,
  output: Output,
  signal: AbortSignal | undefined,
): Promise<OpenOptions & { readonly device: string; readonly threads: number }> {
  if (device === "webgpu" || device === "cuda") await needDevice(device, signal);
  return {
    device: device === "auto" ? "cpu" : device,
    threads: threadsFor(threads, output),
    ...(dtype === undefined ? {} : { dtype }),
    ...(activations === undefined ? {} : { activations }),
  };
}

interface Told {
  readonly name: string;
  readonly seconds: number;
  /** Of the engine. */
  readonly threads: number;
}

export type Opened = OpenedLanguageModel & Told;
export type OpenedReader = OpenedEncoder & Told;

/** What making a quantised copy says: a line before it, a live one, and that it is kept. */
function copyEvents(output: Output, { dtype, activations = "fp32" }: EngineFlags): CopyEvents {
  let started = 0;
  const form = dtype ?? (activations === "fp32" ? "unpacked blocks" : "unpacked blocks for int8 activations");
  return {
    begin(size, path) {
      started = performance.now();
      output.say(`writing a copy in ${form}, about ${bytes(size)}, once: ${path}`);
    },
    progress(done, total, tensor) {
      const seconds = (performance.now() - started) / 1000;
      const left = done > 0 ? `  ${duration((seconds * (total - done)) / done)} left` : "";
      output.progress(`${((100 * done) / total).toFixed(0).padStart(3)} %${left}  ${tensor}`);
    },
    waiting: () => output.say(`another process is writing the copy in ${form}; waiting`),
  };
}

/** Open, after downloading where need be, and say so on stderr. */
async function openWith<T extends OpenedLanguageModel | OpenedEncoder>(
  open: (path: string, options: OpenOptions) => Promise<T>,
  flags: EngineFlags,
  output: Output,
  signal: AbortSignal | undefined,
): Promise<T & Told> {
  const { name, adapter } = withAdapter(flags);
  const options = await engineOptions(flags, output, signal);
  const { path } = await modelFor(name, output, signal);
  const started = performance.now();
  const opened = await open(path, {
    ...options,
    adapter,
    quantize: { ...(signal && { signal }), events: copyEvents(output, flags) },
  });
  const seconds = (performance.now() - started) / 1000;
  for (const warning of opened.architecture.warnings ?? []) output.say(`warning: ${name}: ${warning}`);
  for (const warning of opened.adapter?.warnings ?? []) output.say(`warning: ${adapter}: ${warning}`);
  const stored = [...opened.weights.values()];
  const size = storedBytes(opened.weights);
  const types = [...new Set(stored.map((tensor) => (isQuantized(tensor) ? tensor.format : tensor.dtype)))].join("+");
  const { gguf } = opened.folder;
  for (const warning of gguf?.warnings ?? []) output.say(`warning: ${warning}`);
  if (flags.activations === "int8")
    output.say("products round activations to 8 bits: answers differ from the exact ones");
  const rounded = gguf ? ` · activations ${flags.activations ?? "fp32"}` : "";
  if (output.terminal) {
    const { threads, device } = options;
    output.say(
      output.dim(
        `${name} · ${types}${rounded} · ${bytes(size)} · ${device} · ${threads} thread${threads === 1 ? "" : "s"} · opened in ${seconds.toFixed(2)} s`,
      ),
    );
  }
  return { ...opened, name, seconds, threads: options.threads };
}

/** A model that writes text. */
export async function openForCommand(flags: EngineFlags, output: Output, signal?: AbortSignal): Promise<Opened> {
  const opened = await openWith(openLanguageModel, flags, output, signal);
  const { tokenizer, name, trainedLength: trained } = opened;
  if (trained === undefined) return opened;
  return { ...opened, text: sayLong(opened.text, { tokenizer, name, trained }, (line) => output.say(line)) };
}

/** A model that reads texts and gives vectors or labels. */
export const openReaderForCommand = (
  flags: EngineFlags & Pick<OpenOptions, "pooling">,
  output: Output,
  signal?: AbortSignal,
): Promise<OpenedReader> =>
  openWith((path, options) => openEncoder(path, { ...options, pooling: flags.pooling }), flags, output, signal);
