/**
 * Scoring the choices of prompts: all in one row, none seeing another, against padded rows of one choice each.
 * node bench/choices.js [--threads 2] [--batch 16] [--runs 7]      (after npm run build)
 *
 * Prints the decoder's time for both, for sets of choices as tasks have them, on the embedded model and on one of the
 * shape of t5-v1_1-small with random weights.
 */
import { parseArgs } from "node:util";
import { openModelFolder } from "../dist/folders/open-node.js";
import { int64 } from "../dist/graph/array.js";
import { shippedModels } from "../dist/hub/find-node.js";
import { familyOf, readModel } from "../dist/models/families.js";
import { encoderGraph, packedScoreGraph, scoreGraph } from "../dist/models/kinds/encoder-decoder.js";
import { encoderDecoderLoss } from "../dist/models/kinds/encoder-decoder-loss.js";
import { wanted } from "../dist/models/kinds/programs.js";
import { packedTargets, paddedTargets } from "../dist/models/kinds/targets.js";
import { initialValue } from "../dist/nn/initial.js";
import { createScope } from "../dist/nn/scope.js";
import { compile } from "../dist/runtime/compile-node.js";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    batch: { type: "string", default: "16" },
    runs: { type: "string", default: "7" },
  },
});
const [threads, batch, runs] = [options.threads, options.batch, options.runs].map(Number);

function embedded() {
  const folder = openModelFolder(`${shippedModels}/zeroth-nano`);
  const { architecture, weights } = readModel(folder.config, folder.weights, folder.path);
  return { weights, config: architecture };
}

function small() {
  const widths = { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 1024, num_heads: 6 };
  const layers = { num_layers: 8, num_decoder_layers: 8, feed_forward_proj: "gated-gelu", tie_word_embeddings: true };
  const json = { model_type: "t5", ...widths, ...layers };
  const config = familyOf(json, "this script").read(json);
  const scope = createScope();
  encoderDecoderLoss(config).graph(scope);
  const stored = [...scope.parameters.values()].map((spec) => {
    const { dtype, shape, data } = initialValue(spec, 1);
    return [spec.name, { dtype, shape, data: new Uint8Array(data.buffer) }];
  });
  return { weights: new Map(stored), config };
}

let state = 1;
const draw = (from, to) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return from + Math.floor((state / 2 ** 32) * (to - from + 1));
};
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

const sets = [
  ["2 labels of 2 tokens", 2, () => 2],
  ["3 labels of 2 to 4", 3, (i) => 2 + i],
  ["2 clauses of 6 to 12", 2, () => draw(6, 12)],
  ["5 answers of 2 to 9", 5, () => draw(2, 9)],
  ["14 labels of 2 to 6", 14, (i) => 2 + (i % 5)],
  ["4 endings of 10 to 40", 4, () => draw(10, 40)],
];

for (const [name, { weights, config }] of [
  ["zeroth-nano", embedded()],
  ["t5-v1_1-small", small()],
]) {
  const compiled = (graph) => compile(graph, { weights, threads });
  const programs = [];
  for (const graph of [encoderGraph, scoreGraph, packedScoreGraph]) programs.push(await compiled(graph(config)));
  const [encoder, ...ways] = programs;
  for (const [set, count, length] of sets) {
    const ids = int64(
      [batch, 64],
      Array.from({ length: batch * 64 }, () => draw(5, 2000)),
    );
    const mask = int64([batch, 64], Array(batch * 64).fill(1));
    const { encoded, ...memory } = await encoder.run({ ids, mask });
    const choice = (_, i) => Array.from({ length: length(i) }, () => draw(5, 2000));
    const targets = Array.from({ length: batch }, () => Array.from({ length: count }, choice));
    const laid = [paddedTargets(targets, config), packedTargets(targets, config)];
    const times = [[], []];
    const found = [];
    for (let run = -2; run < runs; run++) {
      for (const [i, program] of ways.entries()) {
        const start = performance.now();
        const { scores } = await program.run(wanted(program, { ...memory, mask, ...laid[i].feeds }), {
          outputs: ["scores"],
        });
        if (run >= 0) times[i].push(performance.now() - start);
        found[i] = scores.data;
      }
    }
    let apart = 0;
    targets.forEach((choices, b) => {
      choices.forEach((target, c) => {
        target.forEach((_, t) => {
          const [a, z] = laid.map(({ at }, i) => found[i][at(b, c) + t]);
          apart = Math.max(apart, Math.abs(a - z));
        });
      });
    });
    const [before, after] = times.map(median);
    console.log(
      `${name.padEnd(14)} ${set.padEnd(22)} padded ${before.toFixed(1).padStart(7)} ms  packed ${after.toFixed(1).padStart(7)} ms  ${(before / after).toFixed(2)} times  differ by ${apart.toExponential(1)}`,
    );
  }
  for (const program of programs) await program[Symbol.asyncDispose]();
}
