/** Everything the readers are made of, from the compiled package. */

export { readInput } from "../dist/cli/rows.js";
export { ZerothError } from "../dist/errors.js";
export { graph } from "../dist/graph/graph.js";
export { lower } from "../dist/graph/lower.js";
export { encodeOnnx } from "../dist/graph/onnx.js";
export * as operators from "../dist/graph/operators.js";
export { decodeOnnx } from "../dist/graph/read-onnx.js";
export { input, parameter } from "../dist/graph/tensor.js";
export { chooseFiles } from "../dist/hub/download/choose.js";
export { parseListing } from "../dist/hub/download/listing.js";
export { openModelFolder, openTokenizer } from "../dist/hub/folder-node.js";
export { safetensorsInMemory } from "../dist/hub/folder-web.js";
export { parseJsonObject } from "../dist/hub/json.js";
export { parseSafetensorsHeader } from "../dist/hub/safetensors.js";
export { readStored } from "../dist/hub/safetensors-node.js";
export { createSentencePieceTokenizer } from "../dist/hub/sentencepiece-tokenizer.js";
export { createTokenizer } from "../dist/hub/tokenizer.js";
export { readTorch } from "../dist/hub/torch/torch.js";
export { parseT5Config } from "../dist/models/t5-config.js";
export { t5ConfigFor } from "../dist/models/t5-model.js";
export { latestCheckpoint } from "../dist/train/checkpoint-node.js";
