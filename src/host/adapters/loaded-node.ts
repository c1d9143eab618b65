/**
 * Adapters of one open model: read when they are first asked for and kept, those that were asked for longest ago going
 * first where there are too many; and the programs that score and read texts with them, shared by those that are alike.
 */
import type { ModelFolder } from "../../folders/open-node.ts";
import { adapted, fillersOf, placesOf } from "../../models/adapters/adapter.ts";
import { filledLanguage, fillerOf } from "../../models/adapters/fillers.ts";
import type { TaskHead } from "../../models/adapters/heads.ts";
import { type RowAdapter, rowAdapter } from "../../models/adapters/rows.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../../models/family.ts";
import { decoderModel } from "../../models/kinds/decoder.ts";
import { encoderDecoderModel } from "../../models/kinds/encoder-decoder.ts";
import type { LanguageModel } from "../../models/kinds/language.ts";
import type { Compile } from "../../models/kinds/programs.ts";
import { adapterStamp } from "../../text/adapters/about-node.ts";
import { readAdapted, readAdapterFiles } from "../../text/adapters/files-node.ts";
import { type GivenPrograms, givenPrograms } from "../../text/adapters/given.ts";
import type { ReadBase } from "../../text/adapters/read.ts";
import { type EncodingModel, encodingModel } from "../../text/embedding/encoding-model.ts";
import type { OpenedEncoder } from "../../text/open-node.ts";
import { breathe } from "../waiting.ts";
import type { AdapterPlace } from "./registry-node.ts";

export interface LoadedAdapter {
  readonly id: string;
  readonly row: RowAdapter;
  readonly head: TaskHead | undefined;
  readonly labels: readonly string[] | undefined;
  /** The model as it is read for the adapter's head. */
  readonly base: ReadBase;
  readonly warnings: readonly string[];
}

export interface LoadedAdapters {
  /** @throws not_found, corrupt_file, bad_input for one that is gone, damaged, or of another model */
  get(place: AdapterPlace): Promise<LoadedAdapter>;
  drop(id: string): void;
  /** Those that are held, by their names. */
  held(): ReadonlyMap<string, { readonly bytes: number; readonly warnings: readonly string[] }>;
}

/** @param budget bytes of their numbers together; the one that is asked for may take more */
export function loadedAdapters(folder: ModelFolder, budget: number): LoadedAdapters {
  const loading = new Map<string, { readonly stamp: string; readonly adapter: Promise<LoadedAdapter> }>();
  const held = new Map<string, LoadedAdapter>();

  async function load({ id, path }: AdapterPlace): Promise<LoadedAdapter> {
    // Reading takes a moment: answers under way have their turn before.
    await breathe();
    const { adapter, architecture, survey, head, config, weights, warnings } = readAdapted(
      folder,
      readAdapterFiles(path),
    );
    const row = rowAdapter(adapter, architecture);
    const own = new Map([...weights].filter(([name]) => !row.values.has(name)));
    const base = { architecture, survey, head, config, weights: own };
    return { id, row, head: adapter.head, labels: adapter.labels, base, warnings };
  }

  function makeRoom(id: string): void {
    let bytes = [...held.values()].reduce((sum, { row }) => sum + row.bytes, 0);
    for (const [other, { row }] of held) {
      if (bytes <= budget) return;
      if (other === id) continue;
      held.delete(other);
      loading.delete(other);
      bytes -= row.bytes;
    }
  }

  return {
    async get(place) {
      const { id, path } = place;
      const stamp = adapterStamp(path);
      let known = loading.get(id);
      if (known?.stamp !== stamp) {
        known = { stamp, adapter: load(place) };
        loading.set(id, known);
      }
      try {
        const adapter = await known.adapter;
        // Not one that was taken out, or written anew, meanwhile.
        if (loading.get(id) === known) {
          held.delete(id);
          held.set(id, adapter);
          makeRoom(id);
        }
        return adapter;
      } catch (error) {
        if (loading.get(id) === known) loading.delete(id);
        throw error;
      }
    },
    drop(id) {
      loading.delete(id);
      held.delete(id);
    },
    held: () => new Map([...held].map(([id, { row, warnings }]) => [id, { bytes: row.bytes, warnings }])),
  };
}

/** Models of so many structures of adapters are kept, over weights as they lie in their files. */
const mostShared = 4;

/** Models that adapters of one structure share; the one that was asked for longest ago is closed first. */
function sharing<T extends { readonly given: GivenPrograms; readonly model: AsyncDisposable }>(
  make: (loaded: LoadedAdapter, names: ReadonlySet<string>) => Promise<T>,
) {
  const shared = new Map<string, T>();
  return {
    async of(loaded: LoadedAdapter): Promise<T> {
      const { structure, values } = loaded.row;
      const key = `${loaded.head ?? ""} ${structure}`;
      const found = shared.get(key) ?? (await make(loaded, new Set(values.keys())));
      shared.delete(key);
      shared.set(key, found);
      for (const [other, { model }] of shared) {
        if (shared.size <= mostShared) break;
        shared.delete(other);
        await model[Symbol.asyncDispose]();
      }
      found.given.give(values);
      return found;
    },
    async [Symbol.asyncDispose]() {
      for (const { model } of shared.values()) await model[Symbol.asyncDispose]();
    },
  };
}

interface WriterParts {
  readonly architecture: DecoderArchitecture | EncoderDecoderArchitecture;
  readonly compile: Compile;
}

/** Models that score with an adapter: one piece of work at a time, each asks anew. */
export const adaptedWriters = ({ architecture, compile }: WriterParts) =>
  sharing(async ({ row: { settings }, base }, names): Promise<{ given: GivenPrograms; model: LanguageModel }> => {
    const given = givenPrograms(compile, names);
    const changed = adapted(architecture, settings, base.survey) as WriterParts["architecture"];
    const bare =
      changed.kind === "decoder" ? decoderModel(changed, given.compile) : encoderDecoderModel(changed, given.compile);
    const begin = changed.kind === "decoder" ? changed.begin : undefined;
    return { given, model: filledLanguage(bare, fillersOf(changed, settings), fillerOf(changed), begin) };
  });

/** Models that read texts with an adapter, and tell what its head tells: one piece of work at a time. */
export function adaptedReaders(opened: OpenedEncoder) {
  const readers = sharing(async ({ row: { settings }, base }, names) => {
    let given: GivenPrograms | undefined;
    const architecture = adapted(base.architecture, settings, base.survey) as OpenedEncoder["architecture"];
    const { encoder, model } = await opened.readWith({
      architecture,
      config: base.config,
      // As it is open, in its precision; a head of the file's own is not among that.
      weights: new Map([...base.weights].map(([name, stored]) => [name, opened.weights.get(name) ?? stored])),
      fillers: { count: fillersOf(architecture, settings).whole, places: placesOf(settings) },
      around(compile) {
        given = givenPrograms(compile, names);
        return given.compile;
      },
    });
    return { given: given!, model, encoder };
  });
  return {
    async of(loaded: LoadedAdapter): Promise<EncodingModel> {
      const { model, encoder } = await readers.of(loaded);
      const { head, labels, problem, embedding } = encoder;
      const { tokenizer } = opened;
      return encodingModel({ ...{ model, head, problem, tokenizer, embedding }, labels: loaded.labels ?? labels });
    },
    [Symbol.asyncDispose]: () => readers[Symbol.asyncDispose](),
  };
}
