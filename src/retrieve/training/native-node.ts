/**
 * Retrievers as the programs of DPR and AR2 save them: one file of torch with both encoders, their optimiser and a few
 * settings. Two folders are made of it, as transformers has DPR.
 */
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { companions, copyCompanions } from "../../folders/companions-node.ts";
import { openModelFolder } from "../../folders/open-node.ts";
import { readModel } from "../../models/families.ts";
import { writable, writeCheckpoint } from "../../weights/safetensors-node.ts";
import { openTorch } from "../../weights/torch/torch-node.ts";
import type { PlainTensor } from "../../weights/weights.ts";

const encoders = [
  { name: "question", prefix: "question_model.", scope: "question_encoder", architecture: "DPRQuestionEncoder" },
  { name: "passage", prefix: "ctx_model.", scope: "ctx_encoder", architecture: "DPRContextEncoder" },
] as const;

/**
 * Write `out/question` and `out/passage`.
 * @param base a folder of the BERT that training began with, whose configuration and tokenizer they have
 * @throws corrupt_file for what is no such file, or does not fit the configuration; unsupported for a ranker
 */
export async function importRetriever(
  file: string,
  base: string,
  out: string,
): Promise<{ readonly question: string; readonly passage: string }> {
  const tensors = openTorch(file);
  const names = [...tensors.keys()];
  if (names.some((name) => name.startsWith("qa_classifier."))) {
    fail(
      "unsupported",
      "is a ranker of AR2, which reads no token behind the passage and scores its first one as it is",
      {
        where: file,
        hint: "train one that reads as others do: zeroth reranker train",
      },
    );
  }
  const folder = openModelFolder(base, { weights: "unread" });
  if (folder.config.model_type !== "bert") {
    fail("unsupported", `its model_type is ${JSON.stringify(folder.config.model_type)}: the encoders are BERT`, {
      where: base,
    });
  }
  const made = encoders.map(({ name, prefix, scope, architecture }) => {
    const own = new Map<string, PlainTensor>();
    for (const [key, tensor] of tensors) {
      if (!key.startsWith(prefix)) continue;
      const inner = key.slice(prefix.length);
      own.set(inner.startsWith("encode_proj.") ? `${scope}.${inner}` : `${scope}.bert_model.${inner}`, tensor);
    }
    if (own.size === 0) {
      fail("corrupt_file", `holds no ${prefix}…`, {
        where: file,
        hint: `retrievers of DPR and AR2 have question_model and ctx_model; here are ${names.slice(0, 3).join(", ")}, …`,
      });
    }
    const projected = own.get(`${scope}.encode_proj.weight`)?.shape[0] ?? 0;
    const config = { ...folder.config, model_type: "dpr", architectures: [architecture], projection_dim: projected };
    // Everything is looked at before anything is written.
    readModel(config, own, file);
    return { name, config, own };
  });
  const tokenizer = companions(folder, ["tokenizer"]);
  for (const { name, config, own } of made) {
    const path = join(out, name);
    await writeCheckpoint(
      path,
      [...own].map(([key, tensor]) => [key, writable(tensor)] as const),
    );
    await copyCompanions(tokenizer, path);
    await writeFileSafely(join(path, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  }
  return { question: join(out, "question"), passage: join(out, "passage") };
}
