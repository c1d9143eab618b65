/** A model's folder read with an adapter in it. */

import type { JsonObject } from "../../base/json.ts";
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { type Adapter, adapted } from "../../models/adapters/adapter.ts";
import { bodyGraph, headedConfig, headParameters, type TaskHead } from "../../models/adapters/heads.ts";
import { type Base, classesIn, fromPeft, headOf } from "../../models/adapters/peft.ts";
import { names } from "../../models/adapters/settings.ts";
import { survey } from "../../models/adapters/survey.ts";
import { labelled, labelsOf, readConfig } from "../../models/config.ts";
import { readModel } from "../../models/families.ts";
import type { Architecture } from "../../models/family.ts";
import { asStored } from "../../weights/stored.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";
import type { AdapterFiles } from "./files.ts";

/** What of a model's folder its reading takes. */
export interface BaseFolder {
  readonly config: JsonObject;
  readonly weights: Weights;
  readonly path: string;
  /** Names of tensors whose files are missing, and those files. */
  readonly absent?: ReadonlyMap<string, string> | undefined;
  /** Whether two tensors hold the same numbers; of those in memory by default. */
  readonly same?: ((a: StoredTensor, b: StoredTensor) => boolean) | undefined;
}

/** A base model read for a task. */
export interface ReadBase extends Base {
  readonly config: JsonObject;
  /** Under the names of the network. */
  readonly weights: Weights;
}

/** Read a model whose head may lack. @throws unsupported for a task that the family has no head for */
export function readBase(folder: BaseFolder, head?: TaskHead, labels?: readonly string[]): ReadBase {
  const config = head ? headedConfig(folder.config, head, labels) : folder.config;
  const { absent, same, path } = folder;
  const { architecture: read, weights } = readModel(config, folder.weights, path, { absent, same, graph: bodyGraph });
  const architecture: Architecture = read.kind === "encoder" && head ? { ...read, head } : read;
  const found = survey(architecture);
  const parameters = head ? headParameters(architecture, head, found.body) : [];
  return { architecture, survey: found, config, weights, head: parameters };
}

export interface ReadAdapted extends ReadBase {
  readonly adapter: Adapter;
  /** Of config.json and the adapter's numbers together, with which `architecture` is the network with the adapter in it. */
  readonly warnings: readonly string[];
}

/** Names of a head's classes: the adapter's own, the base model's where there are as many, or numbers. */
function labelsFor(files: AdapterFiles, folder: BaseFolder, head: TaskHead | undefined): readonly string[] | undefined {
  if (head !== "sequence" && head !== "tokens") return undefined;
  if (files.sidecar?.labels) return files.sidecar.labels;
  const count = files.peft && classesIn(files.peft, files.tensors);
  const known = labelsOf(readConfig(labelled, folder.config, "config.json"));
  if (count === undefined || count === known.length) return known;
  return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

/** Values by our own names must be those that the network asks for, in its shapes. */
function ownAdapter(files: AdapterFiles, base: ReadBase, head: TaskHead | undefined): Adapter {
  const settings = files.sidecar!.settings!;
  if (settings.method === "prefix") {
    for (const site of settings.sites) {
      if (!base.survey.attentions[site]) {
        fail("bad_input", `a prefix at the ${site}, which ${base.architecture.type} does not have`, {
          where: files.path,
        });
      }
    }
  }
  if (settings.method === "lora") {
    const lacks = [...settings.products.keys()].find((path) => !base.survey.products.has(path));
    if (lacks) {
      fail("bad_input", `LoRA beside ${shown(lacks)}, which the base model does not have`, {
        where: files.path,
        hint: "the adapter was made for another model",
      });
    }
  }
  return { settings, values: files.tensors, head };
}

/** What of a network neither the base model nor the adapter has, or has in another shape. */
function needParameters(model: Architecture, base: ReadBase, adapter: Adapter, file: string): void {
  const { body } = survey(model);
  for (const { name } of base.head) {
    if (base.weights.has(name) || adapter.values.has(name)) continue;
    fail("corrupt_file", `there is no tensor ${shown(name)} of the head, here or in the base model`, {
      where: file,
      hint: "an adapter for classes, tags or answers is saved with its head (modules_to_save)",
    });
  }
  const beside = [...body].find((name) => !base.survey.body.has(name) && !adapter.values.has(name));
  if (beside) fail("corrupt_file", `there is no tensor ${shown(beside)}`, { where: file });
}

/**
 * An adapter's files over a model's; `fingerprint` is the model's own, where it is known.
 * @throws bad_input where the adapter is another model's (also by its fingerprint, if `strict`); corrupt_file naming the tensor
 */
export function readAdaptedAs(
  folder: BaseFolder,
  files: AdapterFiles,
  { strict = false, fingerprint }: { readonly strict?: boolean; readonly fingerprint?: string | undefined } = {},
): ReadAdapted {
  const { peft, sidecar } = files;
  const head = sidecar?.head ?? (peft && headOf(peft));
  const labels = labelsFor(files, folder, head);
  const base = readBase(folder, head, labels);
  const where = { config: `${files.path}/adapter_config.json`, tensors: files.file };
  const adapter = {
    ...(peft ? fromPeft(peft, files.tensors, base, where) : ownAdapter(files, base, head)),
    head,
    labels,
  };
  const model = adapted(base.architecture, adapter.settings, base.survey);
  needShapes(base, adapter, files.file);
  needParameters(model, base, adapter, files.file);
  const warnings = [...files.warnings];
  const made = sidecar?.base?.fingerprint;
  if (made !== undefined && fingerprint !== undefined && made !== fingerprint) {
    const name = sidecar?.base?.name ? ` (${sidecar.base.name})` : "";
    const what = `the adapter was made over another model than this one${name}`;
    if (strict) fail("bad_input", what, { where: files.path, hint: "open it over the model it was made over" });
    warnings.push(what);
  }
  return { ...base, adapter, warnings, weights: new Map([...base.weights, ...asStored(adapter.values)]) };
}

/** Values of the wrong shape are another model's. */
function needShapes({ survey, head: parameters }: ReadBase, { settings, values, head }: Adapter, file: string): void {
  if (settings.method === "full") {
    fail("unsupported", "an adapter that is a whole model: open its folder as a model", { where: file });
  }
  const { attentions, width, products } = survey;
  const expected = new Map<string, readonly number[]>();
  if (settings.method === "prefix" && !settings.projection) {
    for (const site of settings.sites) {
      const { layers, kvHeads, headWidth } = attentions[site]!;
      expected.set(names.matrix(site), [settings.length, 2 * layers * kvHeads * headWidth]);
    }
  } else if (settings.method === "prompt") expected.set(names.matrix("prompt"), [settings.length, width]);
  else if (settings.method === "lora") {
    for (const [path, { rank }] of settings.products) {
      const product = products.get(path)!;
      const [a, b] = names.lora(path);
      expected.set(a, [rank, product.in]).set(b, [product.out, rank]);
    }
  }
  for (const { name, shape } of head ? parameters : []) {
    if (values.has(name)) expected.set(name, shape);
  }
  for (const [name, shape] of expected) {
    const found = values.get(name);
    if (!found) fail("corrupt_file", `there is no tensor ${shown(name)}`, { where: file });
    if (found.shape.join() === shape.join()) continue;
    fail(
      "bad_input",
      `tensor ${shown(name)} is [${found.shape.join(", ")}], of this base model it would be [${shape.join(", ")}]`,
      {
        where: file,
        hint: "the adapter was made for another model",
      },
    );
  }
}
