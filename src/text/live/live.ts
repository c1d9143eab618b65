/**
 * Continuous batching (Yu et al. 2022, "Orca"): the rows of all requests take a step together, and between two steps rows
 * join whose prompts have been read and those leave whose answers have ended.
 */
import { fail } from "../../errors.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../../models/family.ts";
import { liveDecoder } from "../../models/kinds/live/decoder.ts";
import { liveEncoderDecoder } from "../../models/kinds/live/encoder-decoder.ts";
import { pieceTokens } from "../../models/kinds/live/rows.ts";
import type { Compile } from "../../models/kinds/programs.ts";
import type { TextCodec } from "../options.ts";
import type { TokenRules } from "../processors.ts";
import { createBatch } from "./batch.ts";
import { createChannel } from "./channel.ts";
import { heldPrefixes } from "./held.ts";
import { createPreparing } from "./prepare.ts";
import type { LiveEvent, LiveModel, TokenShown } from "./request.ts";
import { tokensShown } from "./shown.ts";

/** Rows that are computed together where nobody says how many. */
export const usualRows = 16;

export interface LiveOptions {
  /** Rows that are computed together; 16 by default. More answer more at once, each more slowly. */
  readonly rows?: number;
  /** Requests that wait for room; one more is refused as `busy`. 256 by default. */
  readonly waiting?: number;
  /** Bytes of keys and values of all rows; 1 GiB by default. A request joins when it fits in. */
  readonly bytes?: number;
  /** Bytes of what is kept of prompts for later ones that begin alike; a quarter of `bytes` by default, 0 for none. */
  readonly heldBytes?: number;
  /** Tokens of a decoder's prompt in one run, between steps of the others; 64 by default. */
  readonly piece?: number;
}

export interface LiveParts {
  readonly architecture: DecoderArchitecture | EncoderDecoderArchitecture;
  readonly compile: Compile;
  readonly tokenizer: TextCodec;
  readonly rules?: TokenRules;
  /** Single tokens as a person is shown them; by default as {@link tokensShown} has them. */
  readonly shown?: (id: number) => TokenShown;
}

const wholeNumbers = (options: Required<LiveOptions>): void => {
  for (const [name, value] of Object.entries(options)) {
    const least = name === "heldBytes" ? 0 : 1;
    if (Number.isInteger(value) && value >= least) continue;
    fail("bad_input", `${name} is ${value}; expected a whole number from ${least}`);
  }
};

/** A model that answers many at once. It opens programs of its own, which closing it closes. */
export function liveModel(parts: LiveParts, options: LiveOptions = {}): LiveModel {
  const { architecture: model, compile, tokenizer: codec, rules = {}, shown: show = tokensShown(codec) } = parts;
  const {
    rows: most = usualRows,
    waiting = 256,
    bytes = 2 ** 30,
    heldBytes = Math.floor(bytes / 4),
    piece = pieceTokens,
  } = options;
  wholeNumbers({ rows: most, waiting, bytes, heldBytes, piece });
  const rows =
    model.kind === "decoder" ? liveDecoder(model, compile, bytes, piece) : liveEncoderDecoder(model, compile, bytes);
  const held = heldPrefixes(model.kind === "decoder" ? heldBytes : 0, piece);
  const batch = createBatch({ rows, held, most, show });
  const prepare = createPreparing({ model, rows, most, codec, rules, show });
  /** Requests whose schema or grammar is being read. */
  let preparing = 0;

  return {
    ask(request, signal) {
      batch.needOpen();
      const checked = prepare.check(request);
      if (batch.waiting + preparing >= waiting) {
        fail("busy", `${waiting} requests wait already`, { hint: "ask again in a while" });
      }
      const left = new AbortController();
      const channel = createChannel<LiveEvent>(() => left.abort());
      const stopped = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
      preparing++;
      prepare
        .answers(checked, channel.push)
        .finally(() => {
          preparing--;
        })
        .then((answers) => batch.add({ ...checked, answers, channel, signal: stopped }))
        .catch((error: unknown) => channel.end(error));
      return channel.events;
    },
    between: batch.between,
    status: batch.status,
    [Symbol.asyncDispose]: batch.close,
  };
}

/** What is needed of a model that was opened, in Node or in the browser. */
export interface OpenedForLive {
  readonly architecture: LiveParts["architecture"];
  readonly compile: Compile;
  readonly tokenizer: TextCodec;
  readonly generation: { readonly rules?: TokenRules };
}

/**
 * A model that was opened (`openLanguageModel`, `openTextModel` in the browser), answering many at once. Closing it leaves
 * the model open; close it before the model.
 */
export const openLive = (opened: OpenedForLive, options?: LiveOptions): LiveModel =>
  liveModel(
    {
      architecture: opened.architecture,
      compile: opened.compile,
      tokenizer: opened.tokenizer,
      ...(opened.generation.rules && { rules: opened.generation.rules }),
    },
    options,
  );
