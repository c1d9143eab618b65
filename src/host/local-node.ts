/** An engine in this process. Its runs block the thread while they compute: see `childEngine` for servers. */
import { totalmem } from "node:os";
import { fail, ZerothError } from "../errors.ts";
import { ggufAt } from "../folders/open-node.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import { attempt } from "../text/jobs.ts";
import type { LiveOptions } from "../text/live/live.ts";
import type { OpenOptions } from "../text/open-node.ts";
import { aboutModel } from "./about-node.ts";
import { aboutWith, shownAdapter } from "./adapters/about.ts";
import type { LoadedAdapter } from "./adapters/loaded-node.ts";
import { type AdapterOptions, type AdapterPlace, openRegistry } from "./adapters/registry-node.ts";
import type { Engine, EngineStatus, ModelAbout } from "./engine.ts";
import { embedded, type LibraryOptions, namedError, openLibrary } from "./library-node.ts";
import type { OpenedHere } from "./opened.ts";
import { openHere } from "./opened-node.ts";
import { type Claim, createSlots } from "./slots.ts";
import { stoppable, waitFor } from "./waiting.ts";

export interface EngineOptions extends LibraryOptions, AdapterOptions {
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
  /** Bytes of the adapters that each open model keeps; as many as of keys and values by default. */
  readonly adapterBytes?: number;
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
  const bases = pinned.size > 0 ? [...pinned] : [embedded];
  const registry = openRegistry(options, {
    ...{ bases, idOf: library.idOf },
    isModel: (name) => Object.hasOwn(options.folders ?? {}, name),
  });
  const { adapterBytes = live.bytes } = options;
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
      const how = { device, threads, live, adapterBytes, quantize: { signal }, ...form };
      return {
        bytes: memoryOf(about, gguf ? undefined : dtype),
        open: () => named(id, path, async () => ({ ...(await openHere(about, path, how)), about })),
      };
    },
    ...{ memory, closesAfter, pinned },
  });

  /** The adapter of a name, read where it is not; told by its name in what goes wrong. */
  async function loaded(place: AdapterPlace | undefined, model: Held): Promise<LoadedAdapter | undefined> {
    if (!place) return undefined;
    const adapter = await named(place.id, place.path, () => model.adapters.get(place));
    // Taken out while it was being read.
    if (registry.has(place)) return adapter;
    model.adapters.drop(place.id);
    return fail("not_found", "the adapter has been removed", { where: place.id });
  }

  /** Hold the model, and the adapter that is asked for, for as long as the work on it takes. */
  async function using<T>(
    name: string,
    signal: AbortSignal | undefined,
    work: (model: Held, signal: AbortSignal, adapter: LoadedAdapter | undefined) => Promise<T> | T,
  ): Promise<T> {
    const call = calls.begin(signal);
    try {
      const place = registry.find(name);
      const claim = await slots.claim(place?.base ?? library.idOf(name), call.signal);
      try {
        return await work(claim.model, call.signal, await loaded(place, claim.model));
      } finally {
        claim.release();
      }
    } finally {
      call.over();
    }
  }

  /** The numbers of an adapter leave memory with the last answer that uses them. */
  const forget = (place: AdapterPlace): void =>
    slots
      .states()
      .find(({ id }) => id === place.base)
      ?.model?.adapters.drop(place.id);

  const heldIn = (place: AdapterPlace) =>
    slots
      .states()
      .find(({ id }) => id === place.base)
      ?.model?.adapters.held()
      .get(place.id);

  /** What is known of an adapter, of which model its own is known. */
  async function aboutAdapter(place: AdapterPlace, signal: AbortSignal | undefined): Promise<ModelAbout> {
    const summary = registry.about(place);
    return aboutWith(await aboutOf(place.base, signal), place, summary);
  }

  async function aboutOf(id: string, signal: AbortSignal | undefined): Promise<ModelAbout> {
    const open = slots.states().find((state) => state.id === id)?.model;
    if (open) return open.about;
    if (options.download && !library.has(id)) return using(id, signal, ({ about }) => about);
    return waitFor(known(id, library.pathOf(id)), signal);
  }

  for (const id of pinned) {
    // Whoever asks for it is told why it does not open.
    using(id, undefined, () => {}).catch(() => {});
  }

  return {
    async list() {
      const found = await library.list();
      const models = new Map(found.map((about) => [about.id, about]));
      for (const place of registry.list()) {
        const base = models.get(place.base);
        const summary = attempt(() => registry.about(place));
        if (base && !(summary instanceof ZerothError)) found.push(aboutWith(base, place, summary));
      }
      return found;
    },
    async about(model, signal) {
      const place = registry.find(model);
      if (place) return named(place.id, place.path, () => aboutAdapter(place, signal));
      return aboutOf(library.idOf(model), signal);
    },
    open: (model, signal) =>
      using(model, signal, async ({ about }, stop, adapter) =>
        adapter ? aboutAdapter(registry.find(model)!, stop) : about,
      ),
    async close(model) {
      const place = registry.find(model);
      if (place) forget(place);
      else await slots.close(library.idOf(model));
    },
    async *generate(ask, signal) {
      const call = calls.begin(signal);
      let claim: Claim<Held> | undefined;
      // Called off, it holds nothing any more, also where nobody reads on.
      call.signal.addEventListener("abort", () => claim?.release(), { once: true });
      try {
        const place = registry.find(ask.model);
        claim = await slots.claim(place?.base ?? library.idOf(ask.model), call.signal);
        yield* claim.model.generate(ask, call.signal, await loaded(place, claim.model));
      } finally {
        claim?.release();
        call.over();
      }
    },
    score: (ask, signal) => using(ask.model, signal, (model, stop, adapter) => model.score(ask, stop, adapter)),
    embed: (ask, signal) => using(ask.model, signal, (model, stop, adapter) => model.embed(ask, stop, adapter)),
    predict: (ask, signal) => using(ask.model, signal, (model, stop, adapter) => model.predict(ask, stop, adapter)),
    adapters: async () =>
      registry.list().flatMap((place) => {
        const summary = attempt(() => registry.about(place));
        return summary instanceof ZerothError ? [] : [shownAdapter(place, summary, heldIn(place))];
      }),
    async addAdapter(base, name, folder) {
      const id = library.idOf(base);
      if (!library.has(id)) library.pathOf(id);
      const place = registry.add(id, name, folder);
      try {
        return await named(place.id, folder, async () => shownAdapter(place, registry.about(place), undefined));
      } catch (error) {
        registry.remove(place.id);
        throw error;
      }
    },
    async removeAdapter(id) {
      const place = registry.remove(id);
      forget(place);
      return place.id;
    },
    async scanAdapters() {
      const before = new Map(registry.known().map((place) => [place.id, place]));
      const changes = registry.scan();
      for (const id of changes.removed) if (before.has(id)) forget(before.get(id)!);
      return changes;
    },
    tokenize: (model, prompt) =>
      using(model, undefined, async (open) => {
        const { ids, text } = await open.prompt(prompt);
        return { ids, text };
      }),
    detokenize: (model, ids) =>
      using(model, undefined, ({ tokenizer }) => tokenizer().decode(ids, { skipSpecialTokens: false })),
    tokens: (model, ids) =>
      using(model, undefined, ({ shown, tokenizer }) =>
        ids.map((id) => {
          if (Number.isInteger(id) && id >= 0 && id < tokenizer().vocabularySize) return shown(id);
          return fail("bad_input", `token ${id} is outside the vocabulary of ${tokenizer().vocabularySize}`);
        }),
      ),
    tokenizerInfo: (model) =>
      using(model, undefined, ({ tokenizer, template }) => ({
        ...Object.fromEntries(tokenizer().named),
        vocabulary_size: tokenizer().vocabularySize,
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
