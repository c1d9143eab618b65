/** What this machine can do, through the same engine: node bench/limits.js THREADS */
import { graph } from "../dist/graph/graph.js";
import * as o from "../dist/graph/operators.js";
import { input, parameter } from "../dist/graph/tensor.js";
import { compile } from "../dist/runtime/compile-node.js";
import { timed } from "./shared.js";

const threads = Number(process.argv[2]);
const floats = (...shape) => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => ((i * 7919) % 1009) / 1009);
  return { dtype: "float32", shape, data };
};

const [a, b] = [floats(1024, 2048), floats(2048, 2048)];
const weights = new Map([["b", { ...b, data: new Uint8Array(b.data.buffer) }]]);
const product = graph({ y: o.matmul(input("a", "float32", [1024, 2048]), parameter("b", [2048, 2048])) });
const multiply = await compile(product, { threads, weights, prepack: true });
const productMs = Math.min(...(await timed(() => multiply.run({ a }), 7, 2)));

// 512 MiB: many times any cache.
const large = floats(2048, 65536);
const sum = await compile(graph({ y: o.sum(input("x", "float32", [2048, 65536]), [1]) }), { threads });
const readMs = Math.min(...(await timed(() => sum.run({ x: large }), 7, 2)));

// A reduction may be bound by its arithmetic; a product of one row reads its matrix once too.
const rows = { ...large, shape: [8192, 16384] };
const stored = new Map([["w", { ...rows, data: new Uint8Array(large.data.buffer) }]]);
const vector = graph({ y: o.matmul(input("v", "float32", [1, 8192]), parameter("w", [8192, 16384])) });
const apply = await compile(vector, { threads, weights: stored, prepack: true });
const v = floats(1, 8192);
const applyMs = Math.min(...(await timed(() => apply.run({ v }), 7, 2)));

const gflops = (2 * 1024 * 2048 * 2048) / productMs / 1e6;
console.log(JSON.stringify({ gflops, gbps: large.data.byteLength / Math.min(readMs, applyMs) / 1e6 }));
