/** `zeroth prefer score`: rewards of answers, a row a prompt. */
import { textOf } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { rewardOf } from "../../prefer/reward/score-node.ts";
import { bestPlace } from "../../text/best-of.ts";
import { type EngineFlags, openReaderForCommand } from "../engine.ts";
import { jobsOf } from "../jobs.ts";
import type { Output } from "../output.ts";
import { modelOf, openRowJob } from "../rows/run.ts";

type ScoreFlags = EngineFlags & Parameters<typeof openRowJob>[1]["flags"];

export async function score(flags: ScoreFlags, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.model === undefined) fail("wrong_use", "--model is missing", { hint: "what zeroth prefer reward wrote" });
  if (!flags.input)
    fail("wrong_use", "--input is needed: the rows", { hint: '{"prompt": text, "completions": [text, text]}' });
  const job = await openRowJob("prefer", { flags, given: [], output, signal });
  if (job === undefined) return 0;
  const opened = await openReaderForCommand(flags, output, signal);
  await using reward = await rewardOf(opened, flags.model);
  const code = await job.run({
    model: modelOf(opened),
    things: "prompts",
    async batch(inputs, { onDone }) {
      const results = [];
      const asked = jobsOf(inputs, (row) => {
        const { completions } = row;
        if (
          !Array.isArray(completions) ||
          completions.length === 0 ||
          !completions.every((one) => typeof one === "string")
        )
          fail("bad_input", '"completions" must be a list of at least one text');
        return { prompt: textOf(row, "prompt"), completions: completions as string[] };
      });
      for (const one of asked) {
        if (one instanceof ZerothError) results.push(one);
        else {
          try {
            const scores = await reward.score(one.prompt, one.completions);
            const row = { scores, best: bestPlace(scores) };
            results.push({ row, show: () => output.text(`${JSON.stringify(row)}\n`) });
          } catch (error) {
            if (!(error instanceof ZerothError)) throw error;
            results.push(error);
          }
        }
        onDone(results.length);
      }
      return results;
    },
  });
  const cut = reward.cut();
  if (cut > 0)
    output.say(
      `only the beginning of ${cut.toLocaleString("en")} prompts was read, which are longer than the model reads`,
    );
  return code;
}
