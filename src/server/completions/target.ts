/** `target`: how likely a given answer is, in the form of a completion. */
import type { Engine } from "../../host/engine.ts";
import { usageOf } from "../asking.ts";
import type { Asked, Limits } from "../context.ts";
import { invalid } from "../errors.ts";
import { legacy, offsets } from "../logprobs.ts";
import { manyOf, promptOf } from "./prompts.ts";
import { type CompletionRequest, head } from "./schema.ts";

/** Refuse what asks for an answer to be written. */
function checkTarget({ n, best_of, stream, logprobs }: CompletionRequest): void {
  if ((n ?? 1) > 1) invalid("n", "'n': a target has one answer, the target", "invalid_value");
  if ((best_of ?? 1) > 1) invalid("best_of", "'best_of': a target has one answer, the target", "invalid_value");
  if (stream) invalid("stream", "'stream': a target is scored at once, there is nothing to stream", "invalid_value");
  if ((logprobs ?? 0) > 0) {
    invalid("logprobs", "'logprobs': of a target its own tokens' are told (0), not those beside them", "invalid_value");
  }
}

/** Answer with the targets' log-probabilities. */
export async function scoredTargets(
  engine: Engine,
  body: CompletionRequest,
  asked: Asked,
  limits: Limits,
): Promise<object> {
  checkTarget(body);
  const { model, target, echo } = body;
  const prompts = manyOf(body.prompt, limits, "prompt");
  const targets = manyOf(target!, limits, "target");
  if (targets.length > 1 && targets.length !== prompts.length) {
    invalid(
      "target",
      `'target': ${targets.length} targets for ${prompts.length} prompts; give one, or one a prompt`,
      "invalid_value",
    );
  }
  const of = (i: number) => targets[targets.length === 1 ? 0 : i]!;
  const { owner } = asked.owner;
  const rows = prompts.map((prompt, i) => ({ prompt: promptOf(prompt), choices: [of(i)] }));
  const scored = await engine.score({ model, owner, rows, eos: body.target_eos ?? true }, asked.signal);
  const textOf = (one: string | readonly number[]) => (typeof one === "string" ? one : engine.detokenize(model, one));
  const choices = await Promise.all(
    scored.map(async ({ choices: [tokens = []] }, index) => {
      const before = echo ? await textOf(prompts[index]!) : "";
      const text = await textOf(of(index));
      const told = legacy(text, tokens, Array.from(before).length, offsets());
      return { text: `${before}${text}`, index, logprobs: { ...told, top_logprobs: null }, finish_reason: "stop" };
    }),
  );
  const read = scored.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const counted = scored.reduce((sum, { choices: [tokens = []] }) => sum + tokens.length, 0);
  asked.promptTokens = read;
  return { ...head("cmpl", "text_completion", model), choices, usage: usageOf(read, counted, 0) };
}
