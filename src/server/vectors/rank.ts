/** Texts scored by a model that reads each together with the question. */
import type { Engine } from "../../host/engine.ts";
import { invalid } from "../errors.ts";

export interface RankAsk {
  readonly model: string;
  readonly owner: string;
  readonly query: string;
  readonly texts: readonly string[];
}

export interface Ranked {
  /** 0 to 1, more is better: the sigmoid of the model's score. */
  readonly scores: readonly number[];
  /** Tokens that were read. */
  readonly tokens: number;
  /** Texts of which only the beginning was read. */
  readonly truncated: number;
}

/** @throws ApiError 400 for a model whose head is no single score; unsupported for one without a head */
export async function rankOf(
  engine: Engine,
  { model, owner, query, texts }: RankAsk,
  signal: AbortSignal,
  param = "model",
): Promise<Ranked> {
  if (texts.length === 0) return { scores: [], tokens: 0, truncated: 0 };
  const inputs = texts.map((pair) => ({ text: query, pair }));
  const { told, tokens, truncated = 0 } = await engine.predict({ model, owner, inputs, truncate: true }, signal);
  const scores = told.map((one) => {
    const values = one.kind === "values" ? one.values : one.kind === "classes" ? one.logits : [];
    if (values.length === 1) return 1 / (1 + Math.exp(-values[0]!));
    return invalid(
      param,
      `'${param}': "${model.slice(0, 120)}" gives ${values.length} numbers for a question and a text; a ranker gives one, as cross-encoder/ms-marco-MiniLM-L6-v2 does`,
      "unsupported_value",
    );
  });
  return { scores, tokens, truncated };
}
