/** Everything the readers are made of, from the compiled package. */

export { parseJsonObject } from "../dist/base/json.js";
export { openInput, readInput } from "../dist/data/cli-rows-node.js";
export { openLines } from "../dist/data/lines-node.js";
export { ZerothError } from "../dist/errors.js";
export { safetensorsInMemory } from "../dist/folders/fetch-web.js";
export { openModelFolder, openTokenizer } from "../dist/folders/open-node.js";
export { graph } from "../dist/graph/graph.js";
export { lower } from "../dist/graph/lower.js";
export { encodeOnnx } from "../dist/graph/onnx.js";
export * as operators from "../dist/graph/operators.js";
export { decodeOnnx } from "../dist/graph/read-onnx.js";
export { input, parameter } from "../dist/graph/tensor.js";
export { chooseFiles } from "../dist/hub/download/choose.js";
export { parseListing } from "../dist/hub/download/listing.js";
export { fetchListing } from "../dist/hub/download/listing-fetch.js";
export { transfer } from "../dist/hub/download/transfer.js";
export { latestCheckpoint } from "../dist/learn/checkpoint-node.js";
export { familyOf, readModel } from "../dist/models/families.js";
export { parseTemplates } from "../dist/prompts/yaml.js";
export { scan } from "../dist/scan/scan-node.js";
export { readChatTemplate, renderChat } from "../dist/text/chat/render.js";
export { createSentencePieceTokenizer } from "../dist/tokenizers/sentencepiece/tokenizer.js";
export { createTokenizer } from "../dist/tokenizers/tokenizer.js";
export { canonicalNames, failMissing } from "../dist/weights/names.js";
export { parseSafetensorsHeader } from "../dist/weights/safetensors.js";
export { readStored } from "../dist/weights/safetensors-node.js";
export { readTorchFile } from "../dist/weights/torch/torch.js";
