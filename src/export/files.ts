/** Graphs as ONNX files for other programs, over files of fp32 weights that they share. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { Target } from "../graph/emit.ts";
import type { Graph } from "../graph/graph.ts";
import { lower, type OnnxModel } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import { toFloat32 } from "../weights/convert.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";

/** A file to write: a name with / between folders, and its content, large ones in pieces. */
export interface ExportedFile {
  readonly name: string;
  readonly content: string | Uint8Array | (() => Iterable<Uint8Array>);
}

export interface ExportSource {
  /** Under the names of the network. */
  readonly weights: Weights;
  /** Reads one stored tensor. */
  read(stored: StoredTensor): NdArray;
}

export type WeightFile = ReturnType<typeof weightFile>;

/** One file of weights that several graphs point into; each tensor is written once for each layout asked for. */
export function weightFile(location: string, { weights, read }: ExportSource) {
  const places = new Map<string, { offset: number; length: number }>();
  const pieces: (() => Uint8Array)[] = [];
  let size = 0;
  return {
    /** Where the tensor lies as fp32, [in, out] instead of [out, in] when turned. */
    place(name: string, turned: boolean) {
      const key = `${name} ${turned}`;
      const known = places.get(key);
      if (known) return { location, ...known };
      const stored = weights.get(name) ?? fail("corrupt_file", `there is no tensor "${name}" among the weights`);
      const length = 4 * stored.shape.reduce((a, b) => a * b, 1);
      const made = { offset: size, length };
      size += length;
      places.set(key, made);
      pieces.push(() => {
        const { shape, data } = toFloat32(read(stored));
        const values = turned ? turn(data as Float32Array, shape[0]!, shape[1]!) : (data as Float32Array);
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      });
      return { location, ...made };
    },
    *content(): Iterable<Uint8Array> {
      for (const piece of pieces) yield piece();
    },
  };
}

/** Rows to columns. */
function turn(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}

/**
 * Lower over a weight file. Weights that are only ever transposed are stored so: programs that know no product with a
 * transposed operand would otherwise transpose them at every run or keep a second copy.
 */
export function lowered(g: Graph, target: Target, file: WeightFile): OnnxModel {
  const place = { location: "", offset: 0, length: 0 };
  const model = lower(g, { target, weight: () => ({ dtype: "float32", data: place }) });
  const readers = new Map<string, number>();
  for (const { inputs } of model.nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
  const parameters = new Map(
    model.initializers.filter(({ data }) => "location" in data).map((value) => [value.name, value]),
  );
  const turned = new Map<string, string>();
  for (const { op, inputs, outputs } of model.nodes) {
    const weight = op === "Transpose" ? parameters.get(inputs[0]!) : undefined;
    if (weight?.shape.length === 2 && readers.get(weight.name) === 1) turned.set(outputs[0]!, weight.name);
  }
  const names = new Set(turned.values());
  return {
    ...model,
    initializers: model.initializers.map((value) => {
      if (!("location" in value.data)) return value;
      if (!names.has(value.name)) return { ...value, data: file.place(value.name, false) };
      return { ...value, shape: [...value.shape].reverse(), data: file.place(value.name, true) };
    }),
    nodes: model.nodes
      .filter(({ outputs }) => !turned.has(outputs[0]!))
      .map((node) => ({ ...node, inputs: node.inputs.map((name) => turned.get(name) ?? name) })),
  };
}

/** Graphs by file name, and the one file of weights that they share. */
export function sharedFiles(
  graphs: Readonly<Record<string, Graph>>,
  location: string,
  source: ExportSource,
  target: Target = "onnx",
): ExportedFile[] {
  const file = weightFile(location, source);
  const models = Object.entries(graphs).map(([name, g]) => ({ name, content: encodeOnnx(lowered(g, target, file)) }));
  return [...models, { name: location, content: () => file.content() }];
}

/** One graph with a file of its own weights beside it, as transformers.js reads them: `onnx/NAME.onnx`. */
export function ownFiles(name: string, g: Graph, source: ExportSource, target: Target): ExportedFile[] {
  const file = weightFile(`${name}.onnx_data`, source);
  return [
    { name: `onnx/${name}.onnx`, content: encodeOnnx(lowered(g, target, file)) },
    { name: `onnx/${name}.onnx_data`, content: () => file.content() },
  ];
}
