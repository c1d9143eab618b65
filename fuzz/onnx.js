/** ONNX files for fuzzing: graphs as this program writes them, messages with things wrong in them, written again. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { mutateBytes, mutateList, oddNumbers } from "./mutate.js";

const oddTexts = ["", "x", "../weights", "/etc/passwd", "a\0b", "ai.onnx.ml", "Scan", "Loop", "If", "Constant", "Shape", "Expand", "Range", "location", "99999999999999999999", "batch*batch"]; // biome-ignore format: a table

/** Places of a message: containers and keys, bytes and lists among them. */
function places(value, out = []) {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return out;
  for (const key of Object.keys(value)) {
    if (key === "$typeName") continue;
    out.push([value, key]);
    places(value[key], out);
  }
  return out;
}

function mutateMessage(model, random) {
  const all = places(model);
  const [container, key] = random.pick(all);
  const value = container[key];
  if (Array.isArray(value)) mutateList(value, random);
  else if (value instanceof Uint8Array) container[key] = mutateBytes(value, random);
  else if (typeof value === "bigint") container[key] = BigInt(Math.trunc(random.pick(oddNumbers)));
  else if (typeof value === "number") container[key] = random.pick(oddNumbers) | 0;
  else if (typeof value === "string") {
    const [other, otherKey] = random.pick(all);
    container[key] =
      random.next() < 0.5 && typeof other[otherKey] === "string" ? other[otherKey] : random.pick(oddTexts);
  } else if (value === undefined || random.next() < 0.3) delete container[key];
}

/** Graphs that hold most operators between them. */
function seeds({ operators: o, graph, input, parameter, lower, encodeOnnx }) {
  const x = input("x", "float32", ["batch", 8]);
  const ids = input("ids", "int64", ["batch", 4]);
  const image = input("image", "float32", [1, 2, 6, 6]);
  const w = parameter("w", [8, 8]);
  const kernel = parameter("kernel", [2, 2, 3, 3]);
  const h = o.gelu(o.rmsNorm(o.matmul(x, w, { transB: true }), parameter("n", [8]), 1e-6));
  const parts = o.split(h, 1, [4, 4]);
  const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 };
  const graphs = [
    { y: o.softmax(o.add(parts[0], parts[1])), top: o.topK(h, 2)[0], mean: o.mean(h) },
    { e: o.gather(w, ids), hot: o.oneHot(ids, 8), sum: o.cumsum(o.cast(ids, "float32"), 1), odd: o.nonZero(o.greater(x, 0), "count") },
    { c: o.apply("Conv", [image, kernel], window)[0], p: o.pad(image, [0, 0, 1, 1], [0, 0, 1, 1]), m: o.apply("MaxPool", [image], { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] })[0] },
    { r: o.reshape(o.transpose(x, [1, 0]), [4, 2, "batch"]), s: o.slice(x, 1, 1, 7, 2), j: o.concat([x, h], 1), l: o.layerNorm(x, o.filled("float32", 1, [8]), o.filled("float32", 0, [8]), 1e-5) },
  ]; // biome-ignore format: a table
  const size = (shape) => 4 * shape.reduce((a, b) => a * b, 1);
  const inside = (shape) => ({ bytes: new Uint8Array(size(shape)) });
  const beside = (shape) => ({ location: "model.safetensors", offset: 8, length: size(shape) });
  return graphs.flatMap((outputs) =>
    [
      ["cpu", inside],
      ["onnx", beside],
    ].map(([target, place]) =>
      encodeOnnx(lower(graph(outputs), { target, weight: (_, shape) => ({ dtype: "float32", data: place(shape) }) })),
    ),
  );
}

/** The reader of ONNX files. */
export function onnxReader(library) {
  return {
    name: "ONNX",
    seeds: seeds(library),
    mutate(seed, random) {
      if (random.next() < 0.2) return mutateBytes(seed, random);
      const model = fromBinary(ModelProtoSchema, seed);
      for (let n = 1 + random.below(3); n > 0; n--) mutateMessage(model, random);
      try {
        return toBinary(ModelProtoSchema, model);
      } catch {
        // What protobuf cannot hold, a file cannot either.
        return mutateBytes(seed, random);
      }
    },
    read: (bytes) => void library.decodeOnnx(bytes),
  };
}
