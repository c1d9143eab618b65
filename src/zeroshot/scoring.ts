/** What the model says about examples: log-likelihoods of choices, or answers; kept, so that nothing is computed twice. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { TextModel } from "../text/model.ts";
import type { TextCodec } from "../text/options.ts";
import type { ChoiceScores } from "./ranking.ts";

/** Results by what they are of. `put` may wait for `flush`. */
export interface Store {
  get(key: string): unknown;
  put(key: string, value: object): void;
  /** Make everything put so far last. */
  flush(): Promise<void>;
}

export function memoryStore(): Store {
  const held = new Map<string, object>();
  return {
    get: (key) => held.get(key),
    put(key, value) {
      held.set(key, value);
    },
    async flush() {},
  };
}

export interface Subject {
  readonly text: TextModel;
  readonly tokenizer: TextCodec;
}

export interface AskSettings {
  /** Whether prompts get the end token: T0's code appends none. */
  readonly promptEnd: boolean;
  /** Longest prompt and longest choice in tokens; prompts are cut, choices are not. */
  readonly window: number;
  /** Whether the end token is appended to choices and counted: T0's code does. */
  readonly eos: boolean;
  /** What stands between a prompt and its choices; where it is not empty, both are read as one text. */
  readonly delimiter: string;
  /** Of written answers. */
  readonly maxNewTokens: number;
}

export interface AskOptions extends AskSettings {
  readonly store: Store;
  readonly signal?: AbortSignal | undefined;
  /** Called as results are there; `known` of the total were kept from before. */
  readonly onDone?: (done: number, total: number, known: number) => void;
}

/** How many examples, and tokens of their prompts, go to the model and then into the store together. */
const block = { examples: 64, tokens: 8192 };

/** A prompt's ids, cut to the window; the end token stays at the end. */
function promptIds(
  codec: TextCodec,
  prompt: string,
  { promptEnd, window }: AskSettings,
): { ids: number[]; cut: boolean } {
  const ids = [...codec.encode(prompt, { addSpecialTokens: promptEnd }).ids];
  if (ids.length <= window) return { ids, cut: false };
  return { ids: promptEnd ? [...ids.slice(0, window - 1), ids.at(-1)!] : ids.slice(0, window), cut: true };
}

interface Ask {
  readonly key: string;
  readonly ids: readonly number[];
}

/**
 * Results of all asks, from the store or computed in blocks of similar length. An interrupted call leaves the blocks it
 * has finished in the store.
 */
async function inBlocks<A extends Ask, Result extends object>(
  asks: readonly A[],
  { store, signal, onDone }: AskOptions,
  compute: (asks: readonly A[], onDone: (done: number) => void) => Promise<(Result | ZerothError)[]>,
): Promise<Result[]> {
  const waiting = new Map<string, A>();
  for (const ask of asks) if (store.get(ask.key) === undefined) waiting.set(ask.key, ask);
  const todo = [...waiting.values()].sort((a, b) => a.ids.length - b.ids.length);
  const known = asks.filter(({ key }) => !waiting.has(key)).length;
  let left = todo.length;
  onDone?.(asks.length - left, asks.length, known);
  for (let at = 0; at < todo.length; ) {
    throwIfAborted(signal);
    let end = at + 1;
    while (end < Math.min(todo.length, at + block.examples) && todo[end]!.ids.length * (end - at + 1) <= block.tokens) {
      end++;
    }
    const part = todo.slice(at, end);
    at = end;
    const results = await compute(part, (done) => {
      if (done < part.length) onDone?.(asks.length - left + done, asks.length, known);
    });
    let wrong: ZerothError | undefined;
    results.forEach((result, i) => {
      if (result instanceof ZerothError) wrong ??= result;
      else store.put(part[i]!.key, result);
    });
    await store.flush();
    if (wrong) throw wrong;
    left -= part.length;
    onDone?.(asks.length - left, asks.length, known);
  }
  return asks.map(({ key }) => store.get(key) as Result);
}

export interface ChoicesAsk {
  readonly prompt: string;
  readonly choices: readonly string[];
  /** For messages. */
  readonly where: string;
}

/**
 * Scores of every example's choices: sums of log-probabilities, the end token included where it is asked for. The encoder runs once an
 * example, whatever the number of its choices.
 * @returns the scores, and how many prompts were longer than the window and were cut
 * @throws too_long when a choice exceeds the window
 */
export async function scoreChoices(
  { text, tokenizer }: Subject,
  examples: readonly ChoicesAsk[],
  options: AskOptions,
): Promise<{ scores: ChoiceScores[]; cut: number }> {
  let cut = 0;
  const { eos, delimiter } = options;
  const plain = (read: string): readonly number[] => tokenizer.encode(read, { addSpecialTokens: false }).ids;
  const known = new Map<string, readonly number[]>();
  const alone = (choice: string): readonly number[] => {
    const found = known.get(choice) ?? plain(choice);
    known.set(choice, found);
    return found;
  };
  // As lm-evaluation-harness: what of the whole's tokens is behind the prompt's.
  const behind = (prompt: string, choice: string): readonly number[] =>
    plain(prompt + delimiter + choice).slice(plain(prompt).length);
  const targetIds = (prompt: string, choice: string, where: string): readonly number[] => {
    const found = delimiter === "" ? alone(choice) : behind(prompt, choice);
    // One place is the end token's.
    if (found.length >= options.window) {
      fail(
        "too_long",
        `the choice ${JSON.stringify(choice.slice(0, 60))}… has ${found.length} tokens, the limit is ${options.window}`,
        { where },
      );
    }
    return found;
  };
  const asks = examples.map(({ prompt, choices, where }) => {
    const made = promptIds(tokenizer, prompt, options);
    if (made.cut) cut++;
    // An empty prompt stands for no prompt: the end token alone, as there is nothing else to encode.
    const ids = made.ids.length > 0 ? made.ids : [...tokenizer.encode("", { addSpecialTokens: true }).ids];
    const targets = choices.map((choice) => targetIds(prompt, choice, where));
    return { key: JSON.stringify(["choices", prompt, choices]), ids, targets };
  });
  const scores = await inBlocks<(typeof asks)[number], ChoiceScores>(asks, options, async (part, done) => {
    const rows = part.map(({ ids, targets }) => ({ prompt: ids, choices: targets }));
    const results = await text.scoreAll(rows, { eos, signal: options.signal, onDone: done });
    return results.map((result) =>
      result instanceof ZerothError ? result : { sums: result.scores, tokens: result.lengths },
    );
  });
  return { scores, cut };
}

/** Answers the model writes, the likeliest token at every step. */
export async function writeAnswers(
  { text, tokenizer }: Subject,
  prompts: readonly string[],
  options: AskOptions,
): Promise<{ answers: string[]; cut: number }> {
  let cut = 0;
  const asks = prompts.map((prompt) => {
    const made = promptIds(tokenizer, prompt, options);
    if (made.cut) cut++;
    return { key: JSON.stringify(["answer", options.maxNewTokens, prompt]), ids: made.ids };
  });
  const answers = await inBlocks<(typeof asks)[number], { text: string }>(asks, options, async (part, done) => {
    const results = await text.generateAll(
      part.map(({ ids }) => ids),
      { maxNewTokens: options.maxNewTokens, signal: options.signal, onDone: done },
    );
    return results.map((result) => (result instanceof ZerothError ? result : { text: result.text }));
  });
  return { answers: answers.map((answer) => answer.text.trim()), cut };
}
