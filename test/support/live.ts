/** Requests of a live model, and the models they are made of: fixtures, and wider ones with drawn weights in 8 bits. */
import { join } from "node:path";
import type { JsonObject } from "../../src/base/json.ts";
import { type Random, randomAt } from "../../src/base/rng.ts";
import { openModelFolder } from "../../src/folders/open-node.ts";
import { quantizeFolder } from "../../src/folders/quantize-node.ts";
import { writeModelFolder } from "../../src/folders/write-node.ts";
import type { NdArray } from "../../src/graph/array.ts";
import { familyOf, readModel } from "../../src/models/families.ts";
import type { Architecture, DecoderArchitecture, EncoderDecoderArchitecture } from "../../src/models/family.ts";
import { formatsOf } from "../../src/models/kinds/formats.ts";
import { wholeGraph } from "../../src/models/kinds/whole.ts";
import { initialValue } from "../../src/nn/initial.ts";
import { normal, onesInit } from "../../src/nn/scope.ts";
import { compile } from "../../src/runtime/compile-node.ts";
import { type LiveOptions, liveModel } from "../../src/text/live/live.ts";
import type { LiveEvent, LiveModel, LiveRequest } from "../../src/text/live/request.ts";
import type { TextCodec } from "../../src/text/options.ts";
import type { StoredTensor, Weights } from "../../src/weights/weights.ts";
import { readJson, readWeights } from "./fixtures.ts";

export interface Writer {
  readonly architecture: DecoderArchitecture | EncoderDecoderArchitecture;
  readonly weights: Weights;
}

/** Every token is its number and a space. */
export const numbered: TextCodec = {
  encode: (text) => ({ ids: text.split(" ").map(Number) }),
  decode: (ids) => ids.map((id) => `${id} `).join(""),
  streamDecoder: () => ({ push: (id) => `${id} `, flush: () => "" }),
};

export function fixtureWriter(folder: string, configured = folder): Writer {
  const config = readJson<JsonObject>(configured, "config.json");
  const { architecture, weights } = readModel(config, readWeights(folder), folder);
  if (architecture.kind !== "decoder" && architecture.kind !== "encoder-decoder") throw new Error(architecture.kind);
  return { architecture, weights };
}

function drawn(architecture: Architecture): Map<string, NdArray> {
  return new Map(
    wholeGraph(architecture).parameters.map(({ name, outputs }) => {
      const tensor = outputs[0]!;
      const shape = tensor.shape as number[];
      const norm = /norm/i.test(name) && name.endsWith("weight");
      const table = /embed|shared/.test(name);
      const initial = norm ? onesInit : normal(table ? 1 : shape.length === 2 ? shape[1]! ** -0.5 : 0.1);
      return [name, initialValue({ name, shape, initial, tensor }, 5)] as const;
    }),
  );
}

/** A model of this configuration with drawn weights. */
export function drawnWriter(config: JsonObject): Writer & { readonly weights: Map<string, StoredTensor> } {
  const architecture = familyOf(config, "drawn").read(config) as Writer["architecture"];
  const weights = new Map(
    [...drawn(architecture)].map(([name, { shape, data }]): [string, StoredTensor] => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { dtype: "float32", shape, data: bytes }];
    }),
  );
  return { architecture, weights };
}

/** The same in 8 bits, as `zeroth quantize` makes it; `place` is a folder for it. */
export async function int8Writer(config: JsonObject, place: string): Promise<Writer> {
  const architecture = familyOf(config, place).read(config);
  const [plain, few] = [join(place, "plain"), join(place, "int8")];
  await writeModelFolder(plain, { config, tensors: drawn(architecture) });
  const folder = openModelFolder(plain);
  const { weights } = readModel(folder.config, folder.weights, plain);
  await quantizeFolder({ ...folder, weights }, { out: few, bits: 8, choose: formatsOf(architecture, 8) });
  const opened = openModelFolder(few);
  return readModel(opened.config, opened.weights, few) as Writer;
}

export const openWriter = (
  { architecture, weights }: Writer,
  options?: LiveOptions,
  tokenizer: TextCodec = numbered,
): LiveModel =>
  liveModel({ architecture, tokenizer, compile: (g, more) => compile(g, { ...more, weights, threads: 1 }) }, options);

export interface Told {
  readonly tokens: number[];
  readonly logprobs: (number | undefined)[];
  text: string;
  finish?: string;
}

/** All answers of a request; `after` is told of every event and leaves by false. */
export async function told(
  live: LiveModel,
  request: LiveRequest,
  signal?: AbortSignal,
  after: (event: LiveEvent) => boolean = () => true,
): Promise<Told[]> {
  const answers = Array.from({ length: request.answers ?? 1 }, (): Told => ({ tokens: [], logprobs: [], text: "" }));
  for await (const event of live.ask(request, signal)) {
    if (event.kind === "piece") {
      const answer = answers[event.answer]!;
      answer.text += event.text;
      for (const { id, logprob } of event.tokens) {
        answer.tokens.push(id);
        answer.logprobs.push(logprob);
      }
    } else if (event.kind === "end") answers[event.answer]!.finish = event.finish;
    if (!after(event)) break;
  }
  return answers;
}

export const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

export interface Asked {
  readonly request: LiveRequest;
  /** Turns of the event loop before it asks. */
  readonly after: number;
  /** Events after which it leaves, and how. */
  readonly leaves: { readonly events: number; readonly bySignal: boolean } | undefined;
}

/** A request of some kind: greedy or drawn, with and without rules, one answer or several, of one of three owners. */
function requestOf(random: Random, vocabulary: number, longest: number): LiveRequest {
  const prompt = (begin: number, length: number) =>
    Array.from({ length }, (_, i) => 2 + ((begin * 31 + i * (begin + 3) + (i >> 2)) % (vocabulary - 2)));
  const most = Math.max(4, longest - 16);
  // Some begin alike.
  const begin = prompt(random.below(3), random.below(Math.min(20, most - 2)));
  const ids = [...begin, ...prompt(3 + random.below(50), 1 + random.below(Math.min(12, most - begin.length)))];
  const sample = random.below(3) === 0;
  return {
    prompt: ids,
    owner: `owner ${random.below(3)}`,
    answers: random.below(5) === 0 ? 2 : 1,
    logprobs: 0,
    settings: {
      maxNewTokens: 1 + random.below(12),
      seed: random.below(100),
      ...(sample && { sample, temperature: 1.5 }),
      ...(random.below(3) === 0 && { repetitionPenalty: 1.3 }),
      ...(random.below(4) === 0 && { presencePenalty: 1, frequencyPenalty: 0.5 }),
      ...(random.below(4) === 0 && { logitBias: new Map([[7, 3]]) }),
    },
  };
}

/** Requests that come, go on and leave at times of their own. */
export function interleaving(seed: number, vocabulary: number, longest = 64): Asked[] {
  const random = randomAt(seed, 1);
  return Array.from({ length: 3 + random.below(5) }, () => ({
    request: requestOf(random, vocabulary, longest),
    after: random.below(25),
    leaves: random.below(5) === 0 ? { events: 1 + random.below(6), bySignal: random.below(2) === 0 } : undefined,
  }));
}

/** Ask one after another, each when it comes; what each was told until it ended or left. */
export const asked = (live: LiveModel, all: readonly Asked[]): Promise<(Told[] | undefined)[]> =>
  Promise.all(
    all.map(async ({ request, after, leaves }) => {
      await turns(after);
      const stop = new AbortController();
      let events = 0;
      try {
        return await told(live, request, stop.signal, () => {
          if (!leaves || ++events < leaves.events) return true;
          if (leaves.bySignal) stop.abort();
          return leaves.bySignal;
        });
      } catch (error) {
        if (leaves) return undefined;
        throw error;
      }
    }),
  );
