import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { generationOptions } from "./generation.ts";
import { createOutput } from "./output.ts";
import { threadsFor } from "./threads.ts";

/** An output that keeps what is said. */
function listening() {
  const said: string[] = [];
  return { said, output: { ...createOutput({}), say: (text: string) => void said.push(text) } };
}

test("an option that does nothing without another one is told, and changes nothing", () => {
  for (const [flags, told] of [
    [{ temperature: 0.5 }, ["--temperature without --sample: of no effect"]],
    [{ topK: 3, topP: 0.5, seed: 1 }, ["--top-k, --top-p, --seed without --sample: of no effect"]],
    [{ lengthPenalty: 2 }, ["--length-penalty without --num-beams: of no effect"]],
    [{ numBeams: 1, earlyStopping: true }, ["--early-stopping without --num-beams: of no effect"]],
    [{ sample: true, temperature: 0.5, seed: 1 }, []],
    [{ numBeams: 2, lengthPenalty: 2, earlyStopping: true }, []],
    [{ maxNewTokens: 3, repetitionPenalty: 1.2 }, []],
  ] as const) {
    const { said, output } = listening();
    expect(generationOptions(flags, output)).toEqual(flags);
    expect(said).toEqual(told);
  }
});

test("a value out of its range is wrong use", () => {
  const { output } = listening();
  const options = () => generationOptions({ numBeams: 0 }, output);
  expect(options).toThrow(expect.objectContaining({ code: "wrong_use", message: expect.stringContaining("numBeams") }));
});

test("threads: no more than there are cores, and that is said", () => {
  const { said, output } = listening();
  const cores = availableParallelism();
  expect(threadsFor(cores, output)).toBe(cores);
  expect(threadsFor(1, output)).toBe(1);
  expect(said).toEqual([]);
  expect(threadsFor(cores + 997, output)).toBe(cores);
  expect(said).toEqual([expect.stringContaining(`this machine has ${cores} cores`)]);
  expect(() => threadsFor(0, output)).toThrow(expect.objectContaining({ code: "wrong_use" }));
});
