/** An engine that computes nothing: a token is a character, and answers are what a test says. */
import { fail, throwIfAborted } from "../../src/errors.ts";
import type { Engine, EnginePrompt, GenerateAsk, ModelAbout, Prepared, ScoreAsk } from "../../src/host/engine.ts";
import type { LiveEvent, TokenShown, TokenTold } from "../../src/text/live/request.ts";

const model = (id: string, rest: Partial<ModelAbout>): ModelAbout => ({
  ...{ id, kind: "decoder", family: "llama", bytes: 1000, parameters: 250, vocabulary: 0x110000, longest: 4096 },
  ...{ chat: true, tools: true, can: ["generate", "score"], created: 1_700_000_000 },
  ...rest,
});

export const fakeModels: readonly ModelAbout[] = [
  model("fake/decoder", {}),
  model("fake/plain", { chat: false, tools: false }),
  model("fake/t5", { kind: "encoder-decoder", family: "t5", chat: false, tools: false }),
  model("fake/vectors", { kind: "encoder", family: "bert", chat: false, tools: false, can: ["embed"] }),
  model("fake/ranker", { kind: "encoder", family: "bert", chat: false, tools: false, can: ["classify"] }),
];

export const shownOf = (id: number): TokenShown => {
  const text = String.fromCodePoint(id);
  return { id, text, bytes: [...new TextEncoder().encode(text)] };
};

const idsOf = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);

/** The text of a prompt: a conversation line by line. */
export const textOfPrompt = (prompt: EnginePrompt): string => {
  if ("text" in prompt) return prompt.text;
  if ("ids" in prompt) return String.fromCodePoint(...prompt.ids);
  const tools = prompt.tools ? `tools: ${JSON.stringify(prompt.tools)}\n` : "";
  return `${tools}${prompt.messages.map(({ role, content }) => `${role}: ${typeof content === "string" ? content : JSON.stringify(content)}`).join("\n")}\nassistant: `;
};

export interface FakeOptions {
  /** What is answered; "ok" by default. */
  readonly answer?: (ask: GenerateAsk, answer: number) => string;
  /** Milliseconds a token takes, and the wait before the first. */
  readonly delay?: number;
  readonly wait?: number;
  /** Thrown in the place of the token of this number. */
  readonly breaks?: { readonly at: number; readonly error: Error };
  readonly template?: string;
}

export interface FakeEngine extends Engine {
  readonly asks: GenerateAsk[];
  readonly scores: ScoreAsk[];
  /** Tokens that were made, and calls that were left before their end. */
  readonly counts: { steps: number; left: number; running: number };
}

/** The chosen token has -0.5, the next likeliest -1.5, … */
const told = (id: number, top: number | undefined): TokenTold =>
  top === undefined
    ? shownOf(id)
    : {
        ...shownOf(id),
        logprob: -0.5,
        top: Array.from({ length: top }, (_, i) => ({ ...shownOf(id + i), logprob: -0.5 - i })),
      };

export function fakeEngine({
  answer = () => "ok",
  delay = 0,
  wait = 0,
  breaks,
  template,
}: FakeOptions = {}): FakeEngine {
  const asks: GenerateAsk[] = [];
  const scores: ScoreAsk[] = [];
  const open = new Set<string>();
  const counts = { steps: 0, left: 0, running: 0 };
  const aboutOf = (id: string): ModelAbout =>
    fakeModels.find((each) => each.id === id) ??
    fail("not_found", `there is no model "${id}"`, { where: "/home/somebody/models", hint: "zeroth pull it" });
  const pause = (ms: number, signal: AbortSignal | undefined) =>
    ms === 0
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          const end = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", end);
            resolve();
          };
          const timer = setTimeout(end, ms);
          signal?.addEventListener("abort", end, { once: true });
        });

  async function* generate(ask: GenerateAsk, signal?: AbortSignal): AsyncGenerator<Prepared | LiveEvent, undefined> {
    asks.push(ask);
    const about = aboutOf(ask.model);
    if (!about.can.includes("generate")) fail("unsupported", `"${ask.model}" does not write text`);
    open.add(ask.model);
    const text = textOfPrompt(ask.prompt);
    const ids = idsOf(text);
    if (ids.length > about.longest!) {
      fail("too_long", `the prompt has ${ids.length} tokens, the model reads at most ${about.longest}`);
    }
    counts.running++;
    let ended = false;
    try {
      yield { kind: "prepared", text, ids, warnings: [] };
      await pause(wait, signal);
      throwIfAborted(signal);
      yield {
        ...{ kind: "prompt", tokens: ids.length, cached: 0 },
        ...(ask.promptLogprobs && { told: ids.map((id, i) => (i === 0 ? shownOf(id) : told(id, ask.logprobs))) }),
      };
      const { maxNewTokens = 256, stop = [] } = ask.settings;
      for (let i = 0; i < (ask.answers ?? 1); i++) {
        const whole = answer(ask, i);
        const stopAt = Math.min(...stop.map((word) => whole.indexOf(word)).filter((at) => at >= 0), whole.length);
        const said = Array.from(whole.slice(0, stopAt));
        const tokens = said.slice(0, maxNewTokens);
        for (const [at, character] of tokens.entries()) {
          await pause(delay, signal);
          throwIfAborted(signal);
          if (breaks?.at === at) throw breaks.error;
          counts.steps++;
          yield { kind: "piece", answer: i, text: character, tokens: [told(character.codePointAt(0)!, ask.logprobs)] };
        }
        const stopText = stop.find((word) => whole.indexOf(word) === stopAt);
        const finish = said.length > tokens.length ? "length" : stopText === undefined ? "stop" : "stop_string";
        yield { kind: "end", answer: i, finish, ...(stopText !== undefined && { stopText }) };
      }
      ended = true;
    } finally {
      counts.running--;
      if (!ended) counts.left++;
    }
  }

  return {
    asks,
    scores,
    counts,
    generate,
    list: async () => fakeModels,
    about: async (id) => aboutOf(id),
    async open(id) {
      open.add(aboutOf(id).id);
      return aboutOf(id);
    },
    async close(id) {
      open.delete(aboutOf(id).id);
    },
    async score(ask, signal) {
      scores.push(ask);
      aboutOf(ask.model);
      throwIfAborted(signal);
      // The shortest choice is the likeliest.
      return ask.rows.map(({ prompt, choices }) => {
        const tokens = choices.map((choice) => [
          ...(typeof choice === "string" ? idsOf(choice) : choice).map((id) => ({ ...shownOf(id), logprob: -0.5 })),
          ...(ask.eos === false ? [] : [{ id: 1, text: "</s>", bytes: [], logprob: -0.5 }]),
        ]);
        const lengths = tokens.map(({ length }) => length);
        const best = lengths.indexOf(Math.min(...lengths));
        return { promptTokens: idsOf(textOfPrompt(prompt)).length, choices: tokens, best };
      });
    },
    async embed({ model: id, inputs, dimensions = 4 }) {
      if (!aboutOf(id).can.includes("embed")) fail("unsupported", `"${id}" gives no vectors`);
      const lengths = inputs.map((input) => (typeof input === "object" && "image" in input ? 0 : input.length));
      const vectors = lengths.map((length) => Float32Array.from({ length: dimensions }, (_, i) => length + i / 8));
      return { vectors, tokens: lengths.reduce((sum, length) => sum + length, 0) };
    },
    async predict({ model: id, inputs: asked }) {
      const inputs = asked.map((input) => ("text" in input ? input : { text: "", ...input }));
      if (!aboutOf(id).can.includes("classify")) fail("unsupported", `"${id}" has no head`);
      // Its score is how many words of the first text the second has.
      if (id === "fake/ranker") {
        const values = inputs.map(
          ({ text, pair = "" }) => text.split(" ").filter((word) => pair.includes(word)).length,
        );
        const told = values.map((value) => ({ kind: "values" as const, names: ["score"], values: [value] }));
        return { told, tokens: inputs.length, truncated: 0 };
      }
      const told = inputs.map(({ choices: names = ["no", "yes"] }) => ({
        ...{ kind: "classes" as const, names, best: names.length - 1 },
        scores: names.map((_, i) => (2 * (i + 1)) / (names.length * (names.length + 1))),
        logits: names.map((_, i) => Math.log(i + 1)),
      }));
      return { told, tokens: inputs.reduce((sum, { text }) => sum + text.length, 0) };
    },
    adapters: async () => [],
    addAdapter: async (base, name) => fail("not_found", `no folder for ${base}:${name}`),
    removeAdapter: async (id) => id,
    scanAdapters: async () => ({ added: [], removed: [], refused: [] }),
    async tokenize(id, prompt) {
      aboutOf(id);
      const text = textOfPrompt(prompt);
      const special = "text" in prompt && prompt.specialTokens === true;
      return { ids: [...idsOf(text), ...(special ? [1] : [])], text };
    },
    async detokenize(id, ids) {
      aboutOf(id);
      return String.fromCodePoint(...ids);
    },
    tokens: async (_, ids) => ids.map(shownOf),
    tokenizerInfo: async () => ({
      eos_token: "</s>",
      chat_template: template ?? "{{ messages }} {{ tools }} <tool_call>",
    }),
    status: async () => ({
      models: [...open].map((id) => ({
        ...{ id, state: "ready" as const, lastUsed: 0 },
        live: { rows: counts.running, waiting: 0, bytes: 0, promptTokens: 0, answerTokens: 0, steps: counts.steps },
      })),
      ...{ restarts: 0, pid: 1, memory: 1 << 20, device: "cpu", threads: 1 },
    }),
    [Symbol.asyncDispose]: async () => {},
  };
}
