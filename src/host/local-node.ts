/** An engine in this process. Its runs block the thread while they compute: see `childEngine` for servers. */
import { totalmem } from "node:os";
import { fail, ZerothError } from "../errors.ts";
import { ggufAt } from "../folders/open-node.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import type { LiveOptions } from "../text/live/live.ts";
import type { OpenOptions } from "../text/open-node.ts";
import { aboutModel } from "./about-node.ts";
import type { Engine, EngineStatus, ModelAbout } from "./engine.ts";
import { type LibraryOptions, namedError, openLibrary } from "./library-node.ts";
import { type OpenedHere, openHere } from "./opened-node.ts";
import { type Claim, createSlots } from "./slots.ts";
import { stoppable, waitFor } from "./waiting.ts";

export interface EngineOptions extends LibraryOptions {
  readonly device?: NonNullable<OpenOptions["device"]>;
  readonly threads?: number;
  /** Precision of the weights of models that are not GGUF files; as stored by default. */
  readonly dtype?: NonNullable<OpenOptions["dtype"]>;
  /** What products of GGUF files do with what is multiplied: exact by default. */
  readonly activations?: NonNullable<OpenOptions["activations"]>;
  /** Bytes that open models may take together; by default four fifths of this machine's, or of the container's limit. */
  readonly memory?: number;
  /**
   * How many answers of a model are computed together, how many wait, and the memory of their keys and values: by
   * default an eighth of `memory`, at most 1 GiB.
   */
  readonly live?: LiveOptions;
  /** Milliseconds of idleness after which a model is closed; 5 minutes by default, Infinity for never. */
  readonly closesAfter?: number;
  /** Models that are opened at once and never closed for being idle or for room. */
  readonly pinned?: readonly string[];
}

/** Memory of the machine, or of the container, in bytes. */
function machineMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

const bitsOf = { fp32: 32, bf16: 16, int8: 8.05, int4: 5 } as const;

/**
 * Bytes that a model takes when it is open: its weights in the precision that they are opened in, and a quarter more
 * for products whose weights are laid out anew and for what lies between them.
 */
function memoryOf({ bytes, parameters }: ModelAbout, dtype: EngineOptions["dtype"]): number {
  const weights = dtype === undefined ? bytes : Math.min(bytes, (parameters * bitsOf[dtype]) / 8);
  return Math.ceil(weights * 1.25);
}

/** With the model's name in its errors. */
async function named<T>(id: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw namedError(error, id, path);
  }
}

const known = (id: string, path: string): Promise<ModelAbout> => named(id, path, () => aboutModel(id, path));

/** An open model with what it is. */
type Held = OpenedHere & { readonly about: ModelAbout };

/**
 * Models of this machine by name, opened when they are asked for. Names are never paths: `folders` gives folders names.
 * @throws bad_input for pinned names that cannot be names
 */
export function localEngine(options: EngineOptions = {}): Engine {
  const { device = "cpu", threads = defaultThreads(), dtype, activations, memory = 0.8 * machineMemory() } = options;
  const { closesAfter = 5 * 60_000 } = options;
  const live = { bytes: Math.max(1, Math.min(2 ** 30, Math.floor(memory / 8))), ...options.live };
  const library = openLibrary(options);
  const pinned = new Set((options.pinned ?? []).map(library.idOf));
  const calls = stoppable();
  const slots = createSlots<Held>({
    async prepare(id, signal, progress) {
      const path = await library.ensure(id, {
        signal,
        events: { progress: ({ done, total }) => progress(done, total) },
      });
      const about = await known(id, path);
      // Each belongs to one kind of file; a server has models of both.
      const gguf = ggufAt(path) !== undefined;
      const form = gguf ? activations && { activations } : dtype && { dtype };
      const how = { device, threads, live, quantize: { signal }, ...form };
      return {
        bytes: memoryOf(about, gguf ? undefined : dtype),
        open: () => named(id, path, async () => ({ ...(await openHere(about, path, how)), about })),
      };
    },
    ...{ memory, closesAfter, pinned },
  });

  /** Hold the model for as long as the work on it takes. */
  async function using<T>(
    model: string,
    signal: AbortSignal | undefined,
    work: (model: Held, signal: AbortSignal) => Promise<T> | T,
  ): Promise<T> {
    const call = calls.begin(signal);
    try {
      const claim = await slots.claim(library.idOf(model), call.signal);
      try {
        return await work(claim.model, call.signal);
      } finally {
        claim.release();
      }
    } finally {
      call.over();
    }
  }

  for (const id of pinned) {
    // Whoever asks for it is told why it does not open.
    using(id, undefined, () => {}).catch(() => {});
  }

  return {
    list: () => library.list(),
    async about(model, signal) {
      const id = library.idOf(model);
      const open = slots.states().find((state) => state.id === id)?.model;
      if (open) return open.about;
      if (options.download && !library.has(id)) return using(id, signal, ({ about }) => about);
      return waitFor(known(id, library.pathOf(id)), signal);
    },
    open: (model, signal) => using(model, signal, ({ about }) => about),
    close: async (model) => slots.close(library.idOf(model)),
    async *generate(ask, signal) {
      const call = calls.begin(signal);
      let claim: Claim<Held> | undefined;
      // Called off, it holds nothing any more, also where nobody reads on.
      call.signal.addEventListener("abort", () => claim?.release(), { once: true });
      try {
        claim = await slots.claim(library.idOf(ask.model), call.signal);
        yield* claim.model.generate(ask, call.signal);
      } finally {
        claim?.release();
        call.over();
      }
    },
    score: (ask, signal) => using(ask.model, signal, (model, stop) => model.score(ask, stop)),
    embed: (ask, signal) => using(ask.model, signal, (model, stop) => model.embed(ask, stop)),
    tokenize: (model, prompt) =>
      using(model, undefined, async (open) => {
        const { ids, text } = await open.prompt(prompt);
        return { ids, text };
      }),
    detokenize: (model, ids) =>
      using(model, undefined, ({ tokenizer }) => tokenizer.decode(ids, { skipSpecialTokens: false })),
    tokens: (model, ids) =>
      using(model, undefined, ({ shown, tokenizer }) =>
        ids.map((id) => {
          if (Number.isInteger(id) && id >= 0 && id < tokenizer.vocabularySize) return shown(id);
          return fail("bad_input", `token ${id} is outside the vocabulary of ${tokenizer.vocabularySize}`);
        }),
      ),
    tokenizerInfo: (model) =>
      using(model, undefined, ({ tokenizer, template }) => ({
        ...Object.fromEntries(tokenizer.named),
        vocabulary_size: tokenizer.vocabularySize,
        ...(template !== undefined && { chat_template: template }),
      })),
    async status(): Promise<EngineStatus> {
      const models = slots.states().map(({ model, ...state }) => {
        const live = model?.status();
        return { ...state, ...(live && { live }) };
      });
      return { models, restarts: 0, pid: process.pid, memory: process.memoryUsage.rss(), device, threads };
    },
    async [Symbol.asyncDispose]() {
      calls.end(new ZerothError("interrupted", "the engine is being closed"));
      await slots[Symbol.asyncDispose]();
    },
  };
}
