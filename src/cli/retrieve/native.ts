/** `zeroth retriever import`. */
import { fail } from "../../errors.ts";
import { importRetriever } from "../../retrieve/training/native-node.ts";
import { modelFor } from "../downloads.ts";
import type { Output } from "../output.ts";

interface Call {
  readonly flags: { readonly model?: string | undefined; readonly out?: string | undefined };
  readonly output: Output;
  readonly signal: AbortSignal;
}

export async function importNative(file: string | undefined, { flags, output, signal }: Call): Promise<number> {
  const hint = "zeroth retriever import dpr.cp --model google-bert/bert-base-uncased --out dpr";
  if (file === undefined) fail("wrong_use", "there is no file to import", { hint });
  const { model, out } = flags;
  if (model === undefined || out === undefined) {
    fail("wrong_use", `${model === undefined ? "--model" : "--out"} is missing`, {
      hint: `the file holds neither configuration nor tokenizer, which are those of the model that it began with: ${hint}`,
    });
  }
  const made = await importRetriever(file, (await modelFor(model, output, signal)).path, out);
  output.row({ done: true, ...made });
  output.text(`question: ${output.bold(made.question)}\npassage: ${output.bold(made.passage)}\n`);
  return 0;
}
