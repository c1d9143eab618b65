/** What transformers.js generates. */
import { Tensor } from "@huggingface/transformers";

interface Generating {
  generate(options: never): Promise<unknown>;
}

/** Greedy ids of one prompt, with whatever the model says before them. */
export async function generated(model: Generating, ids: readonly number[], most: number): Promise<number[]> {
  const tensor = (values: readonly number[]) =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  const made = await model.generate({
    inputs: tensor(ids),
    attention_mask: tensor(ids.map(() => 1)),
    max_new_tokens: most,
  } as never);
  return Array.from((made as { data: BigInt64Array }).data, Number);
}
