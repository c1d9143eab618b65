"""The files that transformers.js reads for dtype q8 and q4, from a folder in its fp32 layout.

    python quantize_onnx.py FOLDER q8|q4 OUT [--accuracy-level N]

As its own conversion does for T5: 8 bits by onnxruntime's dynamic quantisation (rows uint8 with one scale a tensor,
weights int8 by output channel, held to 7 bits, subgraphs too), 4 bits as MatMulNBits in symmetric blocks of 32. Two
things are done to the graph before, neither of which changes what it computes: weights that are transposed at every
run are stored transposed, and nodes get names. After it, weights that both branches of the decoder hold are stored once.
"""
import argparse
import json
import logging
import os
import shutil

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.registry import IntegerOpsRegistry

SUFFIX = {"q8": "quantized", "q4": "q4"}
PRODUCTS = ("MatMulInteger", "MatMulNBits", "DynamicQuantizeMatMul")


def branches(graph):
    return [a.g for node in graph.node for a in node.attribute if a.type == AttributeProto.GRAPH]


def graphs(graph):
    yield graph
    for branch in branches(graph):
        yield from graphs(branch)


def name_nodes(model):
    """The quantiser derives names from nodes' names and takes nodes without one for the same."""
    for g, part in enumerate(graphs(model.graph)):
        for n, node in enumerate(part.node):
            node.name = node.name or f"{node.op_type}_{g}_{n}"


def store_transposed(model):
    """Transpose(weight) becomes a weight, in branches too: the quantiser sees products of weights only."""
    weights = {i.name: i for i in model.graph.initializer}
    made = {}
    for part in graphs(model.graph):
        for node in [n for n in part.node if n.op_type == "Transpose" and n.input[0] in weights]:
            turned = f"{node.input[0]}.transposed"
            if turned not in made:
                order = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
                value = numpy_helper.to_array(weights[node.input[0]]).transpose(order)
                made[turned] = numpy_helper.from_array(np.ascontiguousarray(value), turned)
            for reader in part.node:
                reader.input[:] = [turned if name == node.output[0] else name for name in reader.input]
            part.node.remove(node)
    model.graph.initializer.extend(made.values())


def declare_types(model):
    """What goes in and out of products in branches is fp32: the quantiser knows no fused operator's types."""
    for part in graphs(model.graph):
        known = {v.name for v in [*part.value_info, *part.input, *part.output]}
        floats = {name for node in part.node if node.op_type == "MatMul" for name in (node.input[0], node.output[0])}
        for name in sorted(floats - known):
            part.value_info.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def drop_unused(model):
    used = {name for part in graphs(model.graph) for node in part.node for name in node.input}
    for part in graphs(model.graph):
        kept = [i for i in part.initializer if i.name in used]
        del part.initializer[:]
        part.initializer.extend(kept)


def hoist(model):
    """Weights that branches hold under one name and with the same bytes move to the graph around them."""
    parts = branches(model.graph)
    held = [{i.name: i for i in part.initializer} for part in parts]
    taken = {i.name for i in model.graph.initializer}
    shared = {name for name in (held[0] if held else {}) if name not in taken
              and all(name in other and other[name] == held[0][name] for other in held[1:])}
    model.graph.initializer.extend(held[0][name] for name in shared)
    for part in parts:
        kept = [i for i in part.initializer if i.name not in shared]
        del part.initializer[:]
        part.initializer.extend(kept)


def to_q8(model):
    quantizer = ONNXQuantizer(
        model, True, True, mode=QuantizationMode.IntegerOps, static=False, weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8, tensors_range=None, nodes_to_quantize=[], nodes_to_exclude=[],
        op_types_to_quantize=set(IntegerOpsRegistry),
        extra_options=dict(EnableSubgraph=True, MatMulConstBOnly=True, DefaultTensorType=TensorProto.FLOAT))
    quantizer.quantize_model()
    return quantizer.model.model


def to_q4(model, level):
    quantizer = MatMulNBitsQuantizer(model, block_size=32, is_symmetric=True, accuracy_level=level)
    quantizer.process()
    return quantizer.model.model


def products(model):
    """How many products of weights each graph has, quantised and not."""
    weights = {i.name: list(i.dims) for part in graphs(model.graph) for i in part.initializer}
    few = sum(node.op_type in PRODUCTS for part in graphs(model.graph) for node in part.node)
    whole = [node.name for part in graphs(model.graph) for node in part.node
             if node.op_type == "MatMul" and len(weights.get(node.input[1], [])) == 2]
    return few, whole


def main():
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("dtype", choices=list(SUFFIX))
    parser.add_argument("out")
    # The conversion script leaves it out; products of one row are then tens of times slower.
    parser.add_argument("--accuracy-level", type=int, default=4)
    args = parser.parse_args()
    os.makedirs(os.path.join(args.out, "onnx"), exist_ok=True)
    external = {}
    # A decoder alone is one graph.
    alone = os.path.exists(os.path.join(args.folder, "onnx", "model.onnx"))
    for name in ("model",) if alone else ("encoder_model", "decoder_model_merged"):
        model = onnx.load(os.path.join(args.folder, "onnx", f"{name}.onnx"))
        name_nodes(model)
        store_transposed(model)
        drop_unused(model)
        declare_types(model)
        model = to_q8(model) if args.dtype == "q8" else to_q4(model, args.accuracy_level)
        hoist(model)
        drop_unused(model)
        few, whole = products(model)
        if whole or few == 0:
            raise SystemExit(f"{name}: {len(whole)} products of weights are not quantised: {whole[:3]}")
        file = f"{name}_{SUFFIX[args.dtype]}.onnx"
        onnx.save(model, os.path.join(args.out, "onnx", file))
        print(json.dumps({"file": file, "products": few, "bytes": os.path.getsize(os.path.join(args.out, "onnx", file))}))
    for name in os.listdir(args.folder):
        if name.endswith(".json") and name != "config.json":
            shutil.copy(os.path.join(args.folder, name), args.out)
    with open(os.path.join(args.folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    config["transformers.js_config"] = {"dtype": args.dtype, "use_external_data_format": False}
    # Last: a folder with it is whole.
    with open(os.path.join(args.out, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)


if __name__ == "__main__":
    main()
