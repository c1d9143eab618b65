/**
 * Adapters by name: `base:adapter`. Some are given, each with its folder; others are whatever lies in one folder, which
 * is looked at again when a name is asked for that is not known, and for every list.
 */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { namesIn } from "../../base/files-node.ts";
import { shown } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";
import { nearestNames } from "../../hub/names.ts";
import { type AdapterSummary, aboutAdapter, adapterStamp, isAdapterFolder } from "../../text/adapters/about-node.ts";
import { attempt } from "../../text/jobs.ts";
import type { AdapterChanges } from "../engine.ts";
import { needAdapterId, splitAdapter, wrongName } from "./names.ts";

export interface AdapterPlace {
  /** `base:name`. */
  readonly id: string;
  /** Name of the model it is put into. */
  readonly base: string;
  readonly name: string;
  readonly path: string;
}

export interface AdapterOptions {
  /** Folders of adapters by `base:name`. */
  readonly adapters?: Readonly<Record<string, string>>;
  /** A folder whose folders are adapters: of that one of the pinned models which they say they are made over, or of the first. */
  readonly adapterFolder?: string;
}

export interface Registry {
  /** The adapter of this name; undefined where the name is not one of an adapter. @throws not_found with near names */
  find(name: string): AdapterPlace | undefined;
  /** Whether it is served now, from this folder. */
  has(place: AdapterPlace): boolean;
  list(): readonly AdapterPlace[];
  /** The same without another look. */
  known(): readonly AdapterPlace[];
  /** @throws corrupt_file, unsupported for one that cannot be read */
  about(place: AdapterPlace): AdapterSummary;
  /** @throws bad_input for what cannot be a name, or is taken; not_found for a folder that holds no adapter */
  add(base: string, name: string, path: string): AdapterPlace;
  /** It is asked for no more; its folder stays, and `scan` finds it again. @throws not_found */
  remove(name: string): AdapterPlace;
  scan(): AdapterChanges;
}

const lastPart = (name: string): string => basename(name.replaceAll("\\", "/"));

interface Bases {
  /** Those that adapters of the folder may be of; the first is that of all that do not say. */
  readonly bases: readonly string[];
  /** The one name of a model that may be written in several ways. @throws bad_input */
  idOf(name: string): string;
  /** Whether it is a model's name as it is, whatever it looks like. */
  isModel(name: string): boolean;
}

export function openRegistry(
  { adapters = {}, adapterFolder }: AdapterOptions,
  { bases, idOf, isModel }: Bases,
): Registry {
  const places = new Map<string, AdapterPlace & { readonly scanned: boolean }>();
  /** Those of the folder that were taken out by name. */
  const hidden = new Set<string>();
  const read = new Map<string, { readonly stamp: string; readonly about: AdapterSummary | ZerothError }>();

  const summaryOf = (path: string): AdapterSummary | ZerothError => {
    const stamp = adapterStamp(path);
    const known = read.get(path);
    if (known?.stamp === stamp) return known.about;
    const about = attempt(() => aboutAdapter(path));
    read.set(path, { stamp, about });
    return about;
  };

  const baseOf = ({ base: said }: AdapterSummary): string =>
    (said === undefined ? undefined : bases.find((base) => base === said || lastPart(base) === lastPart(said))) ??
    bases[0]!;

  function look(): AdapterChanges {
    const [added, refused, seen]: [string[], { folder: string; why: string }[], Set<string>] = [[], [], new Set()];
    const names = adapterFolder === undefined ? [] : namesIn(adapterFolder);
    for (const name of names) {
      const path = join(adapterFolder!, name);
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory() || !isAdapterFolder(path)) continue;
      const about = summaryOf(path);
      const wrong = wrongName(name) ?? (about instanceof ZerothError ? about.message : undefined);
      if (wrong !== undefined || about instanceof ZerothError) {
        refused.push({ folder: name, why: (wrong ?? "").replaceAll(path, name) });
        continue;
      }
      const base = baseOf(about);
      const id = `${base}:${name}`;
      seen.add(id);
      if (places.has(id) || hidden.has(id)) continue;
      places.set(id, { id, base, name, path, scanned: true });
      added.push(id);
    }
    const removed = [...places.values()].filter(({ id, scanned }) => scanned && !seen.has(id)).map(({ id }) => id);
    for (const id of removed) places.delete(id);
    return { added, removed, refused };
  }

  function put(base: string, name: string, path: string): AdapterPlace {
    const wrong = wrongName(name);
    if (wrong !== undefined) fail("bad_input", wrong);
    const id = `${base}:${name}`;
    if (places.has(id)) fail("bad_input", `there is an adapter ${shown(id)} already`, { hint: "remove it first" });
    const place = { id, base, name, path, scanned: false };
    places.set(id, place);
    return place;
  }

  /** The model's own name and the adapter's. */
  function parse(name: string) {
    const parts = splitAdapter(name);
    if (!parts || isModel(name)) return undefined;
    const base = attempt(() => idOf(parts.base));
    return base instanceof ZerothError ? undefined : { ...parts, base, id: `${base}:${parts.name}` };
  }

  const missing = ({ base, name }: { readonly base: string; readonly name: string }): never => {
    const all = [...places.keys()];
    const near = nearestNames(`${base}:${name}`, all);
    const own = all.filter((id) => id.startsWith(`${base}:`)).slice(0, 3);
    const hint =
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : own.length > 0
          ? `there is ${own.join(", ")}`
          : undefined;
    return fail("not_found", `no adapter ${shown(name)} of ${shown(base)}`, hint === undefined ? {} : { hint });
  };

  for (const [id, path] of Object.entries(adapters)) {
    const { base, name } = needAdapterId(id);
    put(idOf(base), name, path);
  }
  look();

  return {
    find(name) {
      const parts = parse(name);
      if (!parts) return undefined;
      const known = places.get(parts.id);
      if (known) return known;
      look();
      return places.get(parts.id) ?? missing(parts);
    },
    has: ({ id, path }) => places.get(id)?.path === path,
    list() {
      look();
      return [...places.values()];
    },
    known: () => [...places.values()],
    about({ path }) {
      const about = summaryOf(path);
      if (about instanceof ZerothError) throw about;
      return about;
    },
    add(base, name, path) {
      if (!isAdapterFolder(path)) fail("not_found", "no adapter's folder", { where: path });
      const known = idOf(base);
      hidden.delete(`${known}:${name}`);
      return put(known, name, path);
    },
    remove(name) {
      const parts = parse(name) ?? fail("not_found", `${shown(name)} is no adapter`);
      const place = places.get(parts.id) ?? missing(parts);
      places.delete(place.id);
      if (adapterFolder !== undefined) hidden.add(place.id);
      return place;
    },
    scan() {
      hidden.clear();
      return look();
    },
  };
}
