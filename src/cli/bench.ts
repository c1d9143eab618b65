/** `zeroth bench`: a short measurement of one model on this machine. */
import { fail } from "../errors.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import { type EngineFlags, openForCommand } from "./engine.ts";
import { bytes, type Output } from "./output.ts";

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

export async function bench(
  names: readonly string[],
  flags: EngineFlags & { tokens?: number },
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const { tokens = 128 } = flags;
  if (tokens < 1 || tokens > 100_000) fail("wrong_use", `--tokens ${tokens}: expected 1 to 100000`);
  const name = names[0] ?? "zeroth-nano";
  await using opened = await openForCommand({ ...flags, model: name }, output, signal);
  const { model } = opened;
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
    threads: flags.threads ?? defaultThreads(),
    open_ms: open,
    encode_tokens_per_second: (1000 * tokens) / encode,
    decode_tokens_per_second: 1000 / one,
    decode_tokens_per_second_batch_8: 8000 / eight,
    memory_bytes: process.memoryUsage.rss(),
  };
  output.row(row);
  output.text(
    [
      `model              ${name}, ${row.threads} threads`,
      `first prompt       ${open.toFixed(0)} ms, opening included`,
      `prompt             ${Math.round(row.encode_tokens_per_second)} tokens/s (${tokens} tokens in ${encode.toFixed(1)} ms)`,
      `decoder, 1 prompt  ${row.decode_tokens_per_second.toFixed(1)} tokens/s (${one.toFixed(2)} ms a step)`,
      `decoder, 8 prompts ${row.decode_tokens_per_second_batch_8.toFixed(1)} tokens/s (${eight.toFixed(2)} ms a step)`,
      `memory             ${bytes(row.memory_bytes)}`,
      "",
    ].join("\n"),
  );
  return 0;
}
