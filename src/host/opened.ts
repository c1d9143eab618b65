/** What an open model is asked, whatever it reads. */
import type { LiveEvent, LiveStatus, TokenShown } from "../text/live/request.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type { LoadedAdapter, LoadedAdapters } from "./adapters/loaded-node.ts";
import type {
  EmbedAsk,
  EmbedTold,
  EnginePrompt,
  GenerateAsk,
  PredictAsk,
  Predictions,
  Prepared,
  ScoreAsk,
  ScoreTold,
} from "./engine.ts";

export interface Written {
  readonly ids: readonly number[];
  readonly text: string;
  readonly warnings: readonly string[];
}

/** What is asked of a model that is open, with one of its adapters or without; what it cannot do is refused by name. */
export interface OpenedHere extends AsyncDisposable {
  readonly adapters: LoadedAdapters;
  prompt(prompt: EnginePrompt): Promise<Written>;
  generate(ask: GenerateAsk, signal: AbortSignal, adapter?: LoadedAdapter): AsyncGenerator<Prepared | LiveEvent>;
  score(ask: ScoreAsk, signal: AbortSignal, adapter?: LoadedAdapter): Promise<ScoreTold[]>;
  embed(ask: EmbedAsk, signal: AbortSignal, adapter?: LoadedAdapter): Promise<EmbedTold>;
  predict(ask: PredictAsk, signal: AbortSignal, adapter?: LoadedAdapter): Promise<Predictions>;
  /** @throws unsupported for a model that reads no texts */
  tokenizer(): Tokenizer;
  shown(id: number): TokenShown;
  /** The chat template for ordinary talk. */
  readonly template: string | undefined;
  status(): LiveStatus | undefined;
}
