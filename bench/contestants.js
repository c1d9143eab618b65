/** Who takes part: a program at one precision, the files it reads, and the process in which it is measured. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decoders } from "./decoders/shapes.js";
import { encoders } from "./encoders/shapes.js";
import { exported, madeByPython, quantized } from "./folders.js";

const python = process.env.ZEROTH_PYTHON ?? "python3";
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const decoderNames = Object.keys(decoders);
const texts = { fp32: ["t5-small", "t5-base"], int8: ["t5-base", "t5-large"], int4: ["t5-base", "t5-large"] };
const embedding = { fp32: Object.keys(encoders), int8: Object.keys(encoders), int4: [] };
const training = { fp32: ["t5-train"], int8: [], int4: [] };

const answering = { fp32: decoderNames, int8: decoderNames, int4: decoderNames };

/** Shapes on which each measure is taken, by precision, unless the command line names others. */
export const measures = {
  encoder: texts,
  decode1: texts,
  decode8: texts,
  first_token: texts,
  first_token_cold: texts,
  prefill: answering,
  generate1: answering,
  generate8: answering,
  first_token_decoder: answering,
  embed: embedding,
  train: training,
  frozen: training,
};
export const precisions = ["fp32", "int8", "int4"];

const ofDecoders = ["prefill", "generate1", "generate8"];
const inference = [
  "encoder",
  "decode1",
  "decode8",
  "first_token",
  "first_token_cold",
  ...ofDecoders,
  "first_token_decoder",
  "embed",
];
/** What a program that only knows encoder-decoders takes part in. */
const withEncoder = inference.slice(0, 5);
const firstToken = (measure) => measure.startsWith("first_token");

const script = (measure, name) =>
  here(measure === "embed" ? `encoders/${name}` : ofDecoders.includes(measure) ? `decoders/${name}` : name);

/** Scripts of ours, in Node: what the process is given is `path`, and what else the program needs to know. */
const zeroth = (measure, path, { threads, repeats }) =>
  firstToken(measure)
    ? [process.execPath, here("first-token.js"), "zeroth", path, threads]
    : [process.execPath, script(measure, "zeroth.js"), measure, path, threads, repeats];
const transformersJs =
  (dtype) =>
  (measure, path, { threads, repeats }) =>
    firstToken(measure)
      ? [process.execPath, here("first-token.js"), "transformers.js", path, threads, dtype]
      : [process.execPath, script(measure, "transformers-js.js"), measure, path, threads, repeats, dtype];

/** Scripts of bench/peers (never named as a package: other packages look for it): given the plain folder, they know what they have made beside it. */
const peer =
  (script, dtype) =>
  (measure, _path, { folder, threads, repeats }) => {
    const child = firstToken(measure) ? "first_token" : measure.replace(/\d$/, "");
    const common = ["--threads", threads, "--repeats", repeats, "--dtype", dtype];
    const batch = measure.endsWith("8") ? "8" : "1";
    const name = ofDecoders.includes(measure) ? script.replace(".py", "_decoder.py") : script;
    return [python, here(`peers/${name}`), folder, ...common, "--batch", batch, "--child", child];
  };

const same = async (folder) => folder;

/** transformers.js quantised: from the fp32 export, in a folder of its own. */
const quantised = (dtype) => async (folder, target) => {
  const from = await exported(folder, target);
  const path = `${from}-${dtype}`;
  madeByPython(python, "quantize_onnx.py", [from, dtype, path], join(path, "config.json"));
  return path;
};

const converted = (dtype) => async (folder) => {
  const path = `${folder}.ct2-${dtype}`;
  madeByPython(python, "ctranslate2_peer.py", [folder, "--dtype", dtype, "--prepare"], join(path, "model.bin"));
  return path;
};

const gguf = (dtype) => async (folder) => {
  const path = `${folder}.${dtype}.gguf`;
  madeByPython(python, "llama_cpp_peer.py", [folder, "--dtype", dtype, "--prepare"], path);
  return path;
};

/** llama.cpp through its package for Node, which reads decoders. */
const decoderGguf = (dtype) => async (folder) => {
  const path = `${folder}.${dtype}.decoder.gguf`;
  madeByPython(python, "gguf_decoder.py", [folder, dtype, path], path);
  return path;
};
const llamaCpp = (measure, path, { threads, repeats }) => [
  process.execPath,
  here("decoders/llama-cpp.js"),
  ...[measure, path, threads, repeats],
];

/**
 * In the order of the tables' rows, ours first. `prepare` gives the folder or file whose weights are read, made when it
 * is not there; `layout` is how they are stored (bench/folders.js); `module` is the program's, in Python.
 */
export const contestants = [
  {
    name: "zeroth",
    program: "zeroth",
    precision: "fp32",
    layout: "fp32",
    measures: Object.keys(measures),
    prepare: same,
    command: zeroth,
  },
  {
    name: "transformers.js",
    program: "transformers.js",
    precision: "fp32",
    layout: "fp32",
    measures: inference,
    prepare: exported,
    command: transformersJs("fp32"),
  },
  {
    name: "pytorch",
    program: "pytorch",
    module: "torch",
    precision: "fp32",
    layout: "fp32",
    measures: Object.keys(measures).filter((measure) => !["first_token_decoder", "embed"].includes(measure)),
    prepare: same,
    command: peer("pytorch_peer.py", "float32"),
  },
  {
    name: "sentence-transformers",
    program: "sentence-transformers",
    module: "sentence_transformers",
    precision: "fp32",
    layout: "fp32",
    measures: ["embed"],
    prepare: same,
    command: peer("sentence_transformers_peer.py", "float32"),
  },
  {
    name: "ctranslate2",
    program: "ctranslate2",
    module: "ctranslate2",
    precision: "fp32",
    layout: "fp32",
    measures: withEncoder,
    prepare: converted("float32"),
    command: peer("ctranslate2_peer.py", "float32"),
  },
  {
    name: "zeroth int8",
    program: "zeroth",
    precision: "int8",
    layout: "8 bits by row",
    measures: inference,
    prepare: (folder) => quantized(folder, 8),
    command: zeroth,
  },
  {
    name: "transformers.js q8",
    program: "transformers.js",
    precision: "int8",
    layout: "8 bits by row",
    measures: inference,
    prepare: quantised("q8"),
    command: transformersJs("q8"),
  },
  {
    name: "ctranslate2 int8",
    program: "ctranslate2",
    module: "ctranslate2",
    precision: "int8",
    layout: "8 bits by row",
    measures: withEncoder,
    prepare: converted("int8"),
    command: peer("ctranslate2_peer.py", "int8"),
  },
  {
    name: "llama.cpp Q8_0",
    program: "llama.cpp",
    module: "llama_cpp",
    precision: "int8",
    layout: "q8_0",
    measures: withEncoder,
    prepare: gguf("q8_0"),
    command: peer("llama_cpp_peer.py", "q8_0"),
  },
  {
    name: "zeroth int4",
    program: "zeroth",
    precision: "int4",
    layout: "4 bits by block",
    measures: inference,
    prepare: (folder) => quantized(folder, 4),
    command: zeroth,
  },
  {
    name: "transformers.js q4",
    program: "transformers.js",
    precision: "int4",
    layout: "4 bits by block",
    measures: inference,
    prepare: quantised("q4"),
    command: transformersJs("q4"),
  },
  {
    name: "llama.cpp Q4_0",
    program: "llama.cpp",
    module: "llama_cpp",
    precision: "int4",
    layout: "q4_0",
    measures: withEncoder,
    prepare: gguf("q4_0"),
    command: peer("llama_cpp_peer.py", "q4_0"),
  },
  {
    name: "llama.cpp Q8_0, Node",
    program: "node-llama-cpp",
    precision: "int8",
    layout: "q8_0",
    measures: ofDecoders,
    prepare: decoderGguf("q8_0"),
    command: llamaCpp,
  },
  {
    name: "llama.cpp Q4_0, Node",
    program: "node-llama-cpp",
    precision: "int4",
    layout: "q4_0",
    measures: ofDecoders,
    prepare: decoderGguf("q4_0"),
    command: llamaCpp,
  },
];
