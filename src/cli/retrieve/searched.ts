/** What `zeroth search` and `zeroth ask` look in: an index's file, or a database that one was sent to. */
import { fail } from "../../errors.ts";
import { settingsOf } from "../../retrieve/build-node.ts";
import type { Mode } from "../../retrieve/ranked.ts";
import { openIndex, type Searched } from "../../retrieve/search-node.ts";
import type { EngineFlags } from "../engine.ts";
import type { Output } from "../output.ts";
import { engineOver, type OpenedEmbedder, openEmbedders, openIndexModel, storeOf } from "./open.ts";

export interface SearchedFlags extends EngineFlags {
  readonly store?: string | undefined;
  readonly backend?: string | undefined;
  readonly table?: string | undefined;
  readonly queryModel?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly bits?: "32" | "8" | undefined;
}

export interface OpenedSearched extends AsyncDisposable {
  readonly index: Searched;
  /** The model of its vectors, where there is one. */
  readonly model: OpenedEmbedder | undefined;
  /** What is searched, for the table of results. */
  readonly name: string;
}

const placeOf = ({ store, backend }: SearchedFlags): string => backend ?? storeOf({ store });

/** @throws as opening the index, its model, or the database does */
export async function openSearched(flags: SearchedFlags, output: Output, signal: AbortSignal): Promise<OpenedSearched> {
  const { store, backend: url, mode } = flags;
  const name = placeOf(flags);
  const settings = url === undefined || store !== undefined ? settingsOf(storeOf(flags)) : undefined;
  const named = url !== undefined && !settings ? flags.model : undefined;
  if (!settings?.model && mode === undefined && named === undefined)
    output.say(`${url === undefined ? "the index has no vectors" : "no --model"}: searching by words alone`);
  const model =
    mode === "bm25"
      ? undefined
      : settings?.model
        ? await openIndexModel(settings, flags, output, signal)
        : named === undefined
          ? undefined
          : await openEmbedders(named, flags.queryModel, flags, {}, output, signal);
  try {
    const index = url === undefined ? ownIndex() : await database(url);
    const close = async () => {
      await index.close();
      await model?.[Symbol.asyncDispose]();
    };
    return { index, model, name, [Symbol.asyncDispose]: close };
  } catch (cause) {
    await model?.[Symbol.asyncDispose]();
    throw cause;
  }

  function ownIndex(): Searched {
    if (flags.table !== undefined) fail("wrong_use", "--table is of a --backend");
    return openIndex(name, {
      embedder: model?.embedder,
      compile: engineOver(flags, output),
      bits: flags.bits === "8" ? 8 : 32,
      notice: (text) => output.say(text),
    });
  }

  async function database(address: string): Promise<Searched> {
    const { openBackend, usualTable } = await import("./backend.ts");
    const { searchedBackend } = await import("../../retrieve/backends/search.ts");
    const table = flags.table ?? usualTable;
    const backend = await openBackend(address, table);
    try {
      return await searchedBackend(backend, model?.embedder, table);
    } catch (cause) {
      await backend[Symbol.asyncDispose]();
      throw cause;
    }
  }
}
