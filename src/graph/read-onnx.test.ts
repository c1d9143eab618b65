import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  SparseTensorProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { caseOf } from "../../test/support/cases.ts";
import { difference, known, problem, symbolic } from "../../test/support/check-case.ts";
import { fromArray } from "../../test/support/plain.ts";
import { runGraph, runModel } from "../../test/support/run-graph.ts";
import { ZerothError } from "../errors.ts";
import { float32 } from "./array.ts";
import type { Target } from "./emit.ts";
import { dump, graph } from "./graph.ts";
import { infer } from "./infer.ts";
import { lower } from "./lower.ts";
import { encodeOnnx } from "./onnx.ts";
import * as o from "./operators.ts";
import { decodeOnnx } from "./read-onnx.ts";
import { input, type OpName, parameter } from "./tensor.ts";

const operators = Object.keys(infer) as OpName[];
const targets: readonly Target[] = ["cpu", "onnx"];
/** Its kernel's node does not say where the new tokens of a row begin. */
const readOnlyPlain: readonly OpName[] = ["RowAttention"];

describe.each(operators)("%s", (op) => {
  test.each(readOnlyPlain.includes(op) ? (["onnx"] as const) : targets)(
    "written for %s, read back and written again gives the same",
    async (target) => {
      await fc.assert(
        fc.asyncProperty(caseOf(op), async (c) => {
          const { graph, feeds } = symbolic(op, c, false) ?? problem(op, c, false);
          const again = decodeOnnx(encodeOnnx(lower(graph, { target })));
          const expected = await runGraph(graph, feeds);
          const got = await runModel(lower(again, { target }), feeds);
          const wrong = Object.entries(expected).flatMap(([name, value]) => {
            // Rows of a cache nobody has written yet are anything.
            if (op === "CachedAttention" && name !== "y0") return [];
            return (
              difference(fromArray(got[name]!), {
                name,
                value: known(op, c, name, fromArray(value)),
                tolerance: 1e-5,
              }) ?? []
            );
          });
          expect(wrong, dump(again)).toEqual([]);
        }),
        { seed: 7, numRuns: 10, endOnFailure: true },
      );
    },
  );
});

/** A small model with every kind of part: composites, a stored weight, an external one, symbolic sizes. */
function sample() {
  const x = input("x", "float32", ["batch", "length", 8]);
  const external = parameter("norm.weight", [8]);
  const stored = parameter("proj.weight", [8, 8]);
  const h = o.rmsNorm(x, external, 1e-6);
  const y = o.attention(o.matmul(h, stored, { transB: true }), h, h, undefined, 2, 0.5);
  const g = graph({ y: o.gelu(o.layerNorm(y, external, external, 1e-5), "tanh") });
  const place = { location: "model.safetensors", offset: 104, length: 32 };
  const bytes = new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)).buffer);
  const data = (name: string) => (name === "norm.weight" ? place : { bytes });
  return {
    g,
    bytes: encodeOnnx(lower(g, { target: "cpu", weight: (name) => ({ dtype: "float32", data: data(name) }) })),
  };
}

test("composites, parameters and symbols come back as what they were", async () => {
  const { bytes } = sample();
  const back = decodeOnnx(bytes);
  const ops = back.nodes.flatMap((node) => (node.kind === "op" ? [node.op] : []));
  expect(ops).toEqual(["RmsNorm", "MatMul", "Attention", "LayerNorm", "Gelu"]);
  expect(back.inputs.map(({ outputs }) => outputs[0]!.shape)).toEqual([["batch", "length", 8]]);
  expect(back.parameters.map(({ name }) => name)).toEqual(["norm.weight"]);
  expect([...back.external]).toEqual([
    ["norm.weight", { dtype: "float32", shape: [8], location: "model.safetensors", offset: 104, length: 32 }],
  ]);
  const x = float32(
    [1, 2, 8],
    Array.from({ length: 16 }, (_, i) => i / 7 - 1),
  );
  const out = await runGraph(back, { x, "norm.weight": float32([8], new Float32Array(8).fill(0.5)) });
  expect(out.y!.shape).toEqual([1, 2, 8]);
});

/** Change a model's message and expect the error. */
function refused(change: (model: ModelProto) => void, code: string, message: RegExp): void {
  const model = fromBinary(ModelProtoSchema, sample().bytes);
  change(model);
  try {
    decodeOnnx(toBinary(ModelProtoSchema, model));
  } catch (error) {
    expect(error).toBeInstanceOf(ZerothError);
    expect((error as ZerothError).message).toMatch(message);
    expect((error as ZerothError).code).toBe(code);
    return;
  }
  expect.unreachable();
}

test("foreign parts are refused by name", () => {
  const node = (m: ModelProto, op: string) => m.graph!.node.find(({ opType }) => opType === op)!;
  refused(
    (m) => {
      node(m, "Gelu").opType = "Loop";
    },
    "unsupported",
    /operator Loop/,
  );
  refused(
    (m) => {
      node(m, "Gelu").domain = "ai.example";
    },
    "unsupported",
    /ai\.example:Gelu/,
  );
  refused(
    (m) => {
      node(m, "Gelu").domain = "constructor";
    },
    "unsupported",
    /constructor:Gelu/,
  );
  refused(
    (m) => {
      m.functions.push(create(FunctionProtoSchema));
    },
    "unsupported",
    /functions/,
  );
  refused(
    (m) => {
      m.graph!.sparseInitializer.push(create(SparseTensorProtoSchema));
    },
    "unsupported",
    /sparse/,
  );
  refused(
    (m) => {
      m.opsetImport[0]!.version = 7n;
    },
    "unsupported",
    /operator set 7/,
  );
  refused(
    (m) => {
      m.opsetImport.splice(0, 1);
    },
    "corrupt_file",
    /no operator set/,
  );
  const attribute = create(AttributeProtoSchema, { name: "body", type: Kind.GRAPH, g: create(GraphProtoSchema) });
  refused(
    (m) => {
      node(m, "Gelu").attribute.push(attribute);
    },
    "unsupported",
    /attribute "body"/,
  );
});

test("weights outside the folder and sizes that lie are refused", () => {
  const external = (m: ModelProto) => m.graph!.initializer.find(({ name }) => name === "norm.weight")!;
  const stored = (m: ModelProto) => m.graph!.initializer.find(({ name }) => name === "proj.weight")!;
  const entry = (m: ModelProto, key: string) => external(m).externalData.find((e) => e.key === key)!;
  for (const location of ["../secret", "/etc/passwd", "a\\b", "..", ""]) {
    refused(
      (m) => {
        entry(m, "location").value = location;
      },
      "corrupt_file",
      /plain file name/,
    );
  }
  refused(
    (m) => {
      entry(m, "offset").value = "-1";
    },
    "corrupt_file",
    /offset/,
  );
  refused(
    (m) => {
      entry(m, "length").value = "31";
    },
    "corrupt_file",
    /needs 32/,
  );
  refused(
    (m) => {
      stored(m).dims = [2n ** 39n, 2n ** 39n];
    },
    "corrupt_file",
    /bytes/,
  );
  refused(
    (m) => {
      stored(m).dims = [-8n, -8n];
    },
    "corrupt_file",
    /size -8/,
  );
  refused(
    (m) => {
      stored(m).dims = [8n, 9n];
    },
    "corrupt_file",
    /needs 288/,
  );
  refused(
    (m) => {
      stored(m).dataType = 8;
    },
    "unsupported",
    /data type 8/,
  );
  refused(
    (m) => {
      stored(m).dims = [64n];
    },
    "corrupt_file",
    /rank 2/,
  );
});

test("wiring that makes no sense is refused", () => {
  refused(
    (m) => {
      m.graph!.node[0]!.input[0] = "nobody";
    },
    "corrupt_file",
    /"nobody"/,
  );
  refused(
    (m) => {
      m.graph!.node[1]!.output[0] = "x";
    },
    "corrupt_file",
    /two values/,
  );
  refused(
    (m) => {
      m.graph!.node.reverse();
    },
    "corrupt_file",
    /before anything makes it/,
  );
  refused(
    (m) => {
      m.graph!.output[0]!.name = "z";
    },
    "corrupt_file",
    /output "z"/,
  );
  refused(
    (m) => {
      m.graph!.output = [];
    },
    "corrupt_file",
    /no outputs/,
  );
  expect(() => decodeOnnx(new Uint8Array([1, 2, 3]))).toThrow(/no ONNX file/);
  expect(() => decodeOnnx(new Uint8Array())).toThrow(ZerothError);
});

test("no damage gets past with anything but a typed error", () => {
  const { bytes } = sample();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
      fc.option(fc.nat(bytes.length)),
      (changes, cut) => {
        const damaged = bytes.slice(0, cut ?? bytes.length);
        for (const [at, value] of changes) damaged[at] = value;
        try {
          decodeOnnx(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(ZerothError);
        }
      },
    ),
    { seed: 3, numRuns: 3000 },
  );
});
