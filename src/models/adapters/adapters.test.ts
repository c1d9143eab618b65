/** What PEFT does not do: choices, prefixes at every site, twenty steps, many adapters in one batch (parity/adapters.py). */
import { expect, test } from "vitest";
import { arrays, examplesOf, joined, lossOf, openBase, openCase, step } from "../../../test/support/adapters.ts";
import { expectClose, readJson, readTensors } from "../../../test/support/fixtures.ts";
import { float32, int64, type NdArray, zeros } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import { adamw } from "../../learn/optimizers.ts";
import { scheduleFactor } from "../../learn/schedules.ts";
import { createTrainer } from "../../learn/trainer.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { DecoderArchitecture, EncoderArchitecture, EncoderDecoderArchitecture } from "../family.ts";
import { choiceLoss } from "../kinds/choice-loss.ts";
import { decoderModel, rowsGraph } from "../kinds/decoder.ts";
import { encoderGraph } from "../kinds/encoder.ts";
import { encoderDecoderModel, scoreGraph } from "../kinds/encoder-decoder.ts";
import { type Adapter, adapted, fillersOf } from "./adapter.ts";
import { banked, bankShape, createBank } from "./bank.ts";
import { filledLanguage } from "./fillers.ts";
import { type AdapterSettings, names } from "./settings.ts";

const folder = "adapters";

/** Numbers that differ from place to place, of about 0.3. */
const numbers = (shape: readonly number[], seed: number): NdArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  return float32(
    shape,
    Array.from({ length: size }, (_, i) => 0.4 * Math.sin(seed + 1.7 * i)),
  );
};

test("several choices a row over one prefix", async () => {
  const expected = readJson<{ loss: number; rows: number[][]; labels: number[] }>(
    folder,
    "bert-choice",
    "expected.json",
  );
  const reference = arrays(readTensors(folder, "bert-choice", "expected.safetensors"));
  const base = openBase("bert-choice");
  const settings: AdapterSettings = { method: "prefix", length: 5, sites: ["encoder"], counted: true };
  const model = adapted(base.architecture, settings, base.survey) as EncoderArchitecture;
  const values = new Map([[names.matrix("encoder"), reference.get("prefix")!]]);
  const loss = choiceLoss(model);
  const examples = expected.labels.map((right, i) => ({
    texts: expected.rows.slice(2 * i, 2 * i + 2).map((ids) => ({ ids })),
    right,
  }));
  const result = await step(loss as never, base, values, examples as never);
  expectClose([Number(result.loss!.data[0])], [expected.loss], 1e-5, "loss");
  const gradient = reference.get("grad.prefix")!.data as Float32Array;
  expectClose(result[`d.${names.matrix("encoder")}`]!.data as Float32Array, gradient, 1e-5, "prefix", 1);
  expect(() => loss.collate([[{ texts: [{ ids: [1] }], right: 1 }]], 1)).toThrow("choice 1 of 1");
});

const atSites = { method: "prefix", length: 5, sites: ["encoder", "decoder", "cross"], counted: false } as const;

function openSites() {
  const reference = arrays(readTensors(folder, "t5-sites", "expected.safetensors"));
  const expected = readJson<Parameters<typeof examplesOf>[1] & { loss: number }>(folder, "t5-sites", "expected.json");
  const base = openBase("t5");
  const model = adapted(base.architecture, atSites, base.survey) as EncoderDecoderArchitecture;
  const values = new Map(atSites.sites.map((site): [string, NdArray] => [names.matrix(site), reference.get(site)!]));
  return { reference, expected, base, model, values };
}

test("T5 with prefixes in the encoder, the decoder and between them, without a bias of their own", async () => {
  const { reference, expected, base, model, values } = openSites();
  const result = await step(lossOf(model, atSites), base, values, examplesOf(model, expected));
  expectClose([Number(result.loss!.data[0])], [expected.loss], 1e-5, "loss");
  for (const site of atSites.sites) {
    const gradient = reference.get(`grad.${site}`)!.data as Float32Array;
    expectClose(result[`d.${names.matrix(site)}`]!.data as Float32Array, gradient, 1e-4, site, 1);
  }
});

test("T5 with prefixes: a token at a time gives what whole rows do", async () => {
  const { expected, base, model, values } = openSites();
  const weights = joined(base.weights, values);
  await using opened = encoderDecoderModel(model, (g) => compile(g, { weights, threads: 1 }));
  const examples = examplesOf(model, expected);
  const reading = await opened.read(examples.map(({ input }) => input));
  const target = [8, 19, 4];
  const scores = await reading.score(examples.map(() => [target]));
  const decoding = reading.begin(1, 4);
  let last: number[] | undefined;
  const found: number[][] = examples.map(() => []);
  for (const token of target) {
    const { logits } = await decoding.step(last);
    examples.forEach((_, row) => {
      const all = (logits.data as Float32Array).subarray(row * 48, (row + 1) * 48);
      const top = Math.max(...all);
      const sum = all.reduce((total, value) => total + Math.exp(value - top), 0);
      found[row]!.push(all[token]! - top - Math.log(sum));
    });
    last = examples.map(() => token);
  }
  for (const [i, row] of found.entries()) expectClose(row, scores[i]![0]!, 1e-5, `row ${i}`);
  expect(Object.keys(scoreGraph(model).outputs)).toContain("scores");
});

test("twenty steps of AdamW as PyTorch takes them", async () => {
  const expected = readJson<{ lr: number; losses: number[]; batches: Parameters<typeof examplesOf>[1]["inputs"][] }>(
    folder,
    "bert-steps",
    "expected.json",
  );
  const { base, adapter } = openCase("bert-prefix");
  const model = adapted(base.architecture, adapter.settings, base.survey) as EncoderArchitecture;
  const loss = lossOf(model, adapter.settings);
  const scope = createScope();
  const written = loss.graph(scope, {});
  await using trainer = await createTrainer({
    loss: written,
    parameters: [...scope.parameters.values()].filter(({ name }) => adapter.values.has(name)),
    values: adapter.values,
    optimizer: adamw(),
    clip: 1,
    compile: (g) => compile(g, { weights: base.weights, threads: 1, trained: (name) => adapter.values.has(name) }),
  });
  const inputs = graph({ written }).inputs.map(({ name }) => name);
  for (const [i, wanted] of expected.losses.entries()) {
    const examples = examplesOf(model, { inputs: expected.batches[i % 2]! });
    const all = loss.collate(
      examples.map((one) => [one]),
      examples.length,
    );
    const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => inputs.includes(name)));
    const rate = expected.lr * scheduleFactor({ name: "linear", warmup: 0 }, i + 1, 20);
    const report = await trainer.step([feeds], rate);
    expectClose([report.loss], [wanted], 1e-4, `loss of step ${i + 1}`);
  }
  const final = arrays(readTensors(folder, "bert-steps", "final.safetensors"));
  const matrix = final.get("prompt_encoder.embedding.weight")!.data as Float32Array;
  expectClose(adapter.values.get(names.matrix("encoder"))!.data as Float32Array, matrix, 1e-4, "prefix");
  const head = final.get("base_model.classifier.weight")!.data as Float32Array;
  expectClose(adapter.values.get("classifier.weight")!.data as Float32Array, head, 1e-4, "head");
});

test("the gradient in ten directions is what the loss does when what was learnt moves", async () => {
  const { base, adapter, expected } = openCase("bert-prefix");
  const model = adapted(base.architecture, adapter.settings, base.survey);
  const loss = lossOf(model, adapter.settings);
  const examples = examplesOf(model, expected);
  const at = (values: ReadonlyMap<string, NdArray>) => step(loss, base, values, examples);
  const here = await at(adapter.values);
  const epsilon = 1e-2;
  for (let direction = 0; direction < 10; direction++) {
    const way = new Map(
      [...adapter.values].map(([name, { shape }], i) => [name, numbers(shape, 10 * direction + i + 1)]),
    );
    const moved = (by: number) =>
      new Map(
        [...adapter.values].map(([name, { shape, data }]): [string, NdArray] => {
          const step = way.get(name)!.data as Float32Array;
          return [
            name,
            float32(
              shape,
              (data as Float32Array).map((value, i) => value + by * step[i]!),
            ),
          ];
        }),
      );
    let slope = 0;
    for (const [name, { data }] of way) {
      const gradient = here[`d.${name}`]!.data as Float32Array;
      (data as Float32Array).forEach((value, i) => {
        slope += value * gradient[i]!;
      });
    }
    const [up, down] = [await at(moved(epsilon)), await at(moved(-epsilon))];
    const measured = (Number(up.loss!.data[0]) - Number(down.loss!.data[0])) / (2 * epsilon);
    expect(Math.abs(measured - slope)).toBeLessThan(0.01 * Math.max(Math.abs(slope), 0.05));
  }
});

test("a batch whose rows have different adapters gives what each gives alone, also padded and one by one", async () => {
  const { base, adapter } = openCase("bert-lora");
  const { architecture, survey } = base;
  const model = architecture as EncoderArchitecture;
  const prefix = (length: number, classes: number, seed: number): Adapter => ({
    settings: { method: "prefix", length, sites: ["encoder"], counted: true },
    values: new Map([
      [names.matrix("encoder"), numbers([length, 96], seed)],
      ["classifier.weight", numbers([classes, 16], seed + 1)],
      ["classifier.bias", numbers([classes], seed + 2)],
    ]),
    head: "sequence",
  });
  const adapters = new Map<string, Adapter>([
    ["long", prefix(5, 3, 1)],
    ["short", prefix(2, 2, 2)],
    ["longest", prefix(8, 3, 3)],
    ["low", adapter],
  ]);
  const shape = bankShape([...adapters.values()], survey);
  const bank = createBank(shape, survey, 6);
  for (const [name, one] of adapters) bank.add(name, one);
  const whole = encoderGraph(banked(model, shape, survey) as EncoderArchitecture, "sequence");
  await using program = await compile(whole, { weights: base.weights, threads: 1 });
  const { collate } = lossOf(model, { method: "head" });
  const text = (ids: number[]) => ({ input: ids, target: [0], types: ids.map((_, i) => Number(i > 2)) });
  const rows: [string, number[]][] = [
    ["long", [7, 12, 33, 4, 21, 9, 3]],
    ["low", [40, 2, 17, 8, 11]],
    ["longest", [5, 9]],
    ["short", [7, 12, 33, 4]],
    ["long", [1, 30, 22]],
  ];
  const run = async (picked: typeof rows) => {
    const { ids, types, mask } = collate(
      picked.map(([, ids]) => [text(ids)]),
      1,
    );
    const feeds = { ids: ids!, types: types!, mask: mask!, ...bank.feeds(picked.map(([name]) => name)) };
    return (await program.run(feeds)).scores!.data as Float32Array;
  };
  const mixed = await run(rows);
  for (const [row, one] of rows.entries()) {
    const part = mixed.subarray(row * 3, row * 3 + 3);
    const single = await run([one]);
    const { settings, values } = adapters.get(one[0])!;
    const classes = values.get("classifier.weight")!.shape[0]!;
    // Of another number of classes, the network's own graph has another shape: its parameters are read by this one.
    const labels = Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
    expectClose(single.subarray(0, classes), part.subarray(0, classes), 1e-5, one[0]);
    expect(part.subarray(classes).every((value) => value < -1e8)).toBe(true);
    if (labels.length !== 3) continue;
    const alone = encoderGraph(adapted(model, settings, survey) as EncoderArchitecture, "sequence");
    await using own = await compile(alone, { weights: joined(base.weights, values), threads: 1 });
    const { ids, types, mask } = collate([[text(one[1])]], 1);
    const { scores } = await own.run({ ids: ids!, types: types!, mask: mask! });
    expectClose(scores!.data as Float32Array, part, 1e-5, `${one[0]} by itself`);
  }
  bank.remove("short");
  expect(() => bank.feeds(["short"])).toThrow('no adapter "short"');
  bank.add("other", prefix(4, 3, 9));
  expectClose(await run([["long", [1, 30, 22]]]), mixed.slice(12, 15), 1e-5, "long, after another was added");
  expect(() => bank.add("other", prefix(4, 3, 9))).toThrow("already");
  expect(() => bank.add("too long", prefix(9, 3, 9))).toThrow("in a bank of");
});

test("a decoder's rows go on over one cache, each with its own adapter", async () => {
  const { base, adapter: low } = openCase("gpt2-lora");
  const { adapter: long } = openCase("gpt2-prefix");
  const model = base.architecture as DecoderArchitecture;
  const short: Adapter = {
    settings: { method: "prefix", length: 2, sites: ["decoder"], counted: true },
    values: new Map([[names.matrix("decoder"), numbers([2, 64], 4)]]),
  };
  const adapters = new Map<string | undefined, Adapter>([
    ["low", low],
    ["long", long],
    ["short", short],
  ]);
  const shape = bankShape([...adapters.values()], base.survey);
  const bank = createBank(shape, base.survey, 4);
  for (const [name, one] of adapters) bank.add(name!, one);
  const g = rowsGraph(banked(model, shape, base.survey, "rows") as DecoderArchitecture);
  await using program = await compile(g, { weights: base.weights, threads: 1 });
  const rows: [string | undefined, number[]][] = [
    ["long", [7, 12, 33]],
    ["low", [40, 2, 17, 8]],
    [undefined, [5, 9]],
    ["short", [7, 12]],
  ];
  const before = (name: string | undefined) => (name === "long" ? 5 : name === "short" ? 2 : 0);
  const texts = rows.map(([name, ids]) => [...new Array<number>(before(name)).fill(1), ...ids]);
  const capacity = 16;
  const caches: Record<string, NdArray> = Object.fromEntries(
    [0, 1].flatMap((layer) =>
      ["k", "v"].map((part) => [`past.${layer}.${part}`, zeros("float32", [4, 4, capacity, 4])]),
    ),
  );
  /** Logits of the last of the next tokens of every row. */
  const read = async (tokens: number[][], starts: number[]) => {
    const length = Math.max(...tokens.map((row) => row.length));
    const ends = starts.map((start, i) => start + tokens[i]!.length);
    const feeds = {
      ...caches,
      ...bank.feeds(rows.map(([name]) => name)),
      ids: int64(
        [4, length],
        tokens.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(0)]),
      ),
      starts: int64([4], starts),
      ends: int64([4], ends),
      lengths: int64([4], ends),
      asked: int64(
        [4, 1],
        tokens.map((row) => row.length - 1),
      ),
    };
    const asked = Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.includes(name)));
    const result = await program.run(asked);
    for (const name of Object.keys(caches)) caches[name] = result[name.replace("past", "present")]!;
    return result.logits!.data as Float32Array;
  };
  const first = await read(texts, [0, 0, 0, 0]);
  const second = await read(
    [[3], [4], [5], [6]],
    texts.map(({ length }) => length),
  );
  for (const [row, [name, ids]] of rows.entries()) {
    const one = adapters.get(name);
    const alone = one ? adapted(model, one.settings, base.survey) : model;
    const weights = joined(base.weights, one?.values ?? new Map());
    await using single = decoderModel(alone as DecoderArchitecture, (graph) => compile(graph, { weights, threads: 1 }));
    const cached = one ? fillersOf(alone, one.settings).cached : 0;
    const decoding = (await filledLanguage(single, { whole: 0, cached }, 1).read([ids])).begin(1, 4);
    const part = (logits: Float32Array) => logits.subarray(row * 50, (row + 1) * 50);
    expectClose(part(first), (await decoding.step()).logits.data as Float32Array, 1e-5, `${name}, its prompt`);
    expectClose(part(second), (await decoding.step([row + 3])).logits.data as Float32Array, 1e-5, `${name}, a step`);
  }
});
