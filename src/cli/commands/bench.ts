/** `zeroth bench`: a short measurement of one model on this machine. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine, modelNames } from "../options.ts";
import { bytes } from "../output.ts";

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

export default defineCommand({
  group: "program",
  summary: "How fast this machine runs a model",
  arguments: "[model]",
  names: modelNames,
  options: [{ flags: "--tokens <n>", help: "prompt length in tokens (128)", as: "integer" }, ...engine],
  rows: '`{"model","threads","open_ms","encode_tokens_per_second","decode_tokens_per_second",…}`',
  example: "zeroth bench zeroth-nano",
  async run({ args: [name = "zeroth-nano"], flags, output, signal }) {
    const { tokens = 128 } = flags;
    if (tokens < 1 || tokens > 100_000) fail("wrong_use", `--tokens ${tokens}: expected 1 to 100000`);
    const { openForCommand } = await import("../engine.ts");
    await using opened = await openForCommand({ ...flags, model: name }, output, signal);
    const { model, threads } = opened;
    const prompt = Array.from({ length: tokens }, (_, i) => 3 + ((i * 7919) % (model.vocabulary - 3)));
    // Reading a prompt ends with its first answer: a decoder reads as it answers.
    const firstStep = async (prompts: readonly (readonly number[])[]) =>
      (await model.read(prompts)).begin(1, 64).likeliest();
    const started = performance.now();
    await firstStep([prompt]);
    const open = performance.now() - started;
    const timed = async (run: () => Promise<unknown>, repeats: number) => {
      const times: number[] = [];
      for (let i = 0; i < repeats && !signal.aborted; i++) {
        const from = performance.now();
        await run();
        times.push(performance.now() - from);
      }
      return median(times);
    };
    const encode = await timed(() => firstStep([prompt]), 5);
    const steps = async (batch: number) => {
      const decoding = (await model.read(Array.from({ length: batch }, () => prompt))).begin(1, 64);
      let feed = (await decoding.step()).best;
      return timed(async () => {
        feed = (await decoding.step(feed)).best;
      }, 48);
    };
    const one = await steps(1);
    const eight = await steps(8);
    const row = {
      model: name,
      threads,
      open_ms: open,
      encode_tokens_per_second: (1000 * tokens) / encode,
      decode_tokens_per_second: 1000 / one,
      decode_tokens_per_second_batch_8: 8000 / eight,
      memory_bytes: process.memoryUsage.rss(),
    };
    output.row(row);
    output.text(
      [
        `model              ${name}, ${threads} threads`,
        `first prompt       ${open.toFixed(0)} ms, opening included`,
        `prompt             ${Math.round(row.encode_tokens_per_second)} tokens/s (${tokens} tokens in ${encode.toFixed(1)} ms)`,
        `answer, 1 prompt   ${row.decode_tokens_per_second.toFixed(1)} tokens/s (${one.toFixed(2)} ms a step)`,
        `answers, 8 prompts ${row.decode_tokens_per_second_batch_8.toFixed(1)} tokens/s (${eight.toFixed(2)} ms a step)`,
        `memory             ${bytes(row.memory_bytes)}`,
        "",
      ].join("\n"),
    );
    return 0;
  },
});
