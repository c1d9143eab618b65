/** What a server asks of its models, wherever they run: opened by name, asked many things at once, closed when idle. */
import type { ChatMessage } from "../text/chat/messages.ts";
import type { LiveEvent, LiveRequest, LiveStatus, TokenChance, TokenShown } from "../text/live/request.ts";
import type { GenerateOptions } from "../text/options.ts";

/** A text, token ids taken as they are, or a conversation, written by the model's chat template. */
export type EnginePrompt =
  | { readonly text: string; readonly specialTokens?: boolean }
  | { readonly ids: readonly number[] }
  | { readonly messages: readonly ChatMessage[]; readonly tools?: readonly unknown[]; readonly template?: string };

export interface ModelAbout {
  /** The name it is asked for by. */
  readonly id: string;
  /** Of an adapter: the model that it is put into. */
  readonly parent?: string;
  readonly kind: "decoder" | "encoder-decoder" | "encoder" | "image-encoder" | "two-towers";
  /** `model_type`: t5, llama, bert, … */
  readonly family: string;
  /** Bytes of its weights as they are stored. */
  readonly bytes: number;
  readonly parameters: number;
  readonly vocabulary: number;
  /** Tokens of prompt and answer together, where the model says so. */
  readonly longest?: number;
  /** Whether it has a chat template; a model without takes conversations in the plain form. */
  readonly chat: boolean;
  /** Whether its chat template is told of tools. */
  readonly tools: boolean;
  /** What it can be asked for. */
  readonly can: readonly ("generate" | "score" | "embed" | "classify")[];
  /** What its makers recommend where nothing is asked for (`generation_config.json`), of a model that writes. */
  readonly defaults?: Pick<
    GenerateOptions,
    "sample" | "temperature" | "topP" | "topK" | "minP" | "repetitionPenalty" | "maxNewTokens"
  >;
  /** Unix seconds of its newest file. */
  readonly created: number;
}

export interface ModelState {
  readonly id: string;
  readonly state: "opening" | "ready" | "closing";
  /** Of opening, where it is known: bytes downloaded of all. */
  readonly progress?: { readonly done: number; readonly total: number };
  readonly live?: LiveStatus;
  /** Unix milliseconds; of a model that is used it is now. */
  readonly lastUsed: number;
  /** Milliseconds of idleness after which it is closed; absent for one that stays. */
  readonly closesAfter?: number;
}

export interface EngineStatus {
  readonly models: readonly ModelState[];
  /** Times the engine had to be started again. */
  readonly restarts: number;
  readonly pid: number;
  /** Bytes of memory of its process. */
  readonly memory: number;
  readonly device: string;
  readonly threads: number;
}

export interface GenerateAsk extends Omit<LiveRequest, "prompt" | "adapter"> {
  readonly model: string;
  readonly prompt: EnginePrompt;
}

/** Before the events of the answers: what the prompt became. */
export interface Prepared {
  readonly kind: "prepared";
  readonly text: string;
  readonly ids: readonly number[];
  readonly warnings: readonly string[];
}

export interface ScoreAsk {
  readonly model: string;
  readonly owner?: string;
  readonly rows: readonly {
    readonly prompt: EnginePrompt;
    readonly choices: readonly (string | readonly number[])[];
  }[];
  /** Append the end token to choices and count it; on by default. */
  readonly eos?: boolean;
}

export interface ScoreTold {
  readonly promptTokens: number;
  /** The tokens of every choice, the end token among them where it counts. */
  readonly choices: readonly (readonly TokenChance[])[];
  /** Index of the highest sum, the first on ties. */
  readonly best: number;
}

/** A file of a picture, or of a clip: PNG, JPEG, WebP, GIF, AVIF or TIFF. */
export interface PictureInput {
  readonly image: Uint8Array;
}

export interface EmbedAsk {
  readonly model: string;
  readonly owner?: string;
  /** Texts and token ids, or pictures of a model that sees. */
  readonly inputs: readonly (string | readonly number[] | PictureInput)[];
  /** Of a model that allows fewer (Matryoshka). */
  readonly dimensions?: number;
  /** Of a text that is too long only the beginning is read, in the place of an error. */
  readonly truncate?: boolean;
  /** Put before every text; by default the prompt that the model's folder means for all. */
  readonly prompt?: string;
}

export interface EmbedTold {
  readonly vectors: readonly Float32Array[];
  readonly tokens: number;
}

/** What a head reads: a text, or the question of a passage. */
export interface TextInput {
  readonly text: string;
  /** A second text, read together with the first. */
  readonly pair?: string;
  /** The passage that holds the answer. */
  readonly context?: string;
  /** What may follow the text; of a model with classes, some of them. */
  readonly choices?: readonly string[];
}

export type PredictInput = TextInput | (PictureInput & Pick<TextInput, "choices">);

export interface PredictAsk {
  readonly model: string;
  readonly owner?: string;
  readonly inputs: readonly PredictInput[];
  /** Of pictures: also where the model looked. */
  readonly where?: boolean;
  /** Of a second text that is too long only the beginning is read, in the place of an error. */
  readonly truncate?: boolean;
}

/** Where a model looked in a picture: numbers from 0 to 1 over rows and columns of the region that it saw. */
export interface LookedAt {
  /** What attention went to, or what speaks for or against a class. */
  readonly way: "attention" | "gradient";
  readonly label?: string;
  readonly rows: number;
  readonly columns: number;
  readonly heat: readonly number[];
  /** In the picture's own pixels, as its EXIF turns it. */
  readonly region: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

export type PredictTold =
  /** A probability for each class, of the text alone or among the others. */
  | {
      readonly kind: "classes";
      readonly names: readonly string[];
      readonly scores: readonly number[];
      readonly logits: readonly number[];
      readonly best: number;
      readonly where?: LookedAt;
    }
  | { readonly kind: "values"; readonly names: readonly string[]; readonly values: readonly number[] }
  | {
      readonly kind: "tags";
      readonly words: readonly {
        readonly text: string;
        readonly start: number;
        readonly end: number;
        readonly label: string | null;
        readonly score: number;
      }[];
      readonly spans: readonly { readonly label: string; readonly from: number; readonly to: number }[];
    }
  | {
      readonly kind: "answer";
      readonly text: string;
      readonly start: number;
      readonly end: number;
      readonly score: number;
    };

export interface Predictions {
  readonly told: readonly PredictTold[];
  /** Of all inputs together. */
  readonly tokens: number;
  /** Inputs of whose second text only the beginning was read. */
  readonly truncated?: number;
}

/** An adapter that is served, under the name `base:name`. */
export interface AdapterAbout {
  readonly id: string;
  readonly base: string;
  readonly name: string;
  readonly method: "prefix" | "prompt" | "lora" | "head" | "full";
  /** Its head, where it has one: `sequence`, `tokens`, `span`, `choice`. */
  readonly head?: string;
  readonly labels?: readonly string[];
  /** Bytes of its numbers as they are stored. */
  readonly bytes: number;
  /** Unix seconds of its newest file. */
  readonly created: number;
  /** Whether its numbers are in memory. */
  readonly held: boolean;
  /** Known once it has been read: that it was made over another model of the same shape, say. */
  readonly warnings: readonly string[];
}

export interface AdapterChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Folders that hold an adapter which is not served, and why. */
  readonly refused: readonly { readonly folder: string; readonly why: string }[];
}

/**
 * A model may be an adapter, `base:name`: the model it is of is opened, and reads with it.
 *
 * Every call opens the model it names where it is not open, and closes idle ones where memory is short. Errors are
 * {@link ZerothError}s: not_found for a model that is not there, bad_input, too_long and unsupported for what it cannot
 * do, busy where too many wait, interrupted for a signal that fired, engine_failed where the engine died with the call.
 */
export interface Engine extends AsyncDisposable {
  /** Models on this machine that can be named, the embedded one first, open or not. */
  list(): Promise<readonly ModelAbout[]>;
  /** Of a model that is not on this machine, where downloading is allowed, after it has been downloaded and opened. */
  about(model: string, signal?: AbortSignal): Promise<ModelAbout>;
  open(model: string, signal?: AbortSignal): Promise<ModelAbout>;
  close(model: string): Promise<void>;
  generate(ask: GenerateAsk, signal?: AbortSignal): AsyncIterableIterator<Prepared | LiveEvent>;
  score(ask: ScoreAsk, signal?: AbortSignal): Promise<readonly ScoreTold[]>;
  embed(ask: EmbedAsk, signal?: AbortSignal): Promise<EmbedTold>;
  /** What a trained head tells of texts or pictures. */
  predict(ask: PredictAsk, signal?: AbortSignal): Promise<Predictions>;
  /** Adapters that are served; those of the folder of adapters as it is now. */
  adapters(): Promise<readonly AdapterAbout[]>;
  /**
   * Serve the adapter of a folder as `base:name` from now on.
   * @throws not_found for a folder that holds none, bad_input for a name that cannot be one or is taken, corrupt_file
   */
  addAdapter(base: string, name: string, folder: string): Promise<AdapterAbout>;
  /** Serve it no more: what runs with it ends as it would have. Its folder stays. Its name. @throws not_found */
  removeAdapter(id: string): Promise<string>;
  /** Look at the folder of adapters again, those included that were removed by name. */
  scanAdapters(): Promise<AdapterChanges>;
  /** Token ids of a prompt, and the text they are of. */
  tokenize(model: string, prompt: EnginePrompt): Promise<{ readonly ids: readonly number[]; readonly text: string }>;
  detokenize(model: string, ids: readonly number[]): Promise<string>;
  /** Texts and bytes of single tokens. */
  tokens(model: string, ids: readonly number[]): Promise<readonly TokenShown[]>;
  /** Special tokens by their role (`eos_token`, `bos_token`, `pad_token`), and the chat template. */
  tokenizerInfo(model: string): Promise<Readonly<Record<string, string | number | undefined>>>;
  status(): Promise<EngineStatus>;
}
