/** Requests looked at before they wait: what cannot be answered is refused at once. */
import { fail } from "../../errors.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../../models/family.ts";
import type { LiveRows } from "../../models/kinds/live/rows.ts";
import type { Settings, TextCodec } from "../options.ts";
import { mostAfter, processorsFor, type TokenRules } from "../processors.ts";
import type { Asked, Constraint } from "../structured/constraint.ts";
import { type Answer, createAnswer } from "./answer.ts";
import type { LiveEvent, LiveRequest, TokenShown } from "./request.ts";
import { liveSettings } from "./settings.ts";

export interface Checked {
  readonly request: LiveRequest;
  readonly owner: string;
  /** As the model reads it. */
  readonly prompt: readonly number[];
  readonly settings: Settings;
  /** What counts as said before each answer. */
  readonly before: readonly number[];
  /** Most tokens of each answer. */
  readonly most: number;
  readonly count: number;
}

interface Preparing {
  readonly model: DecoderArchitecture | EncoderDecoderArchitecture;
  readonly rows: LiveRows;
  /** Rows of the batch. */
  readonly most: number;
  readonly codec: TextCodec;
  readonly rules: TokenRules;
  readonly show: (id: number) => TokenShown;
}

const needCount = (name: string, value: number, least: number, most: number): void => {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  fail("bad_input", `${name} is ${value}; expected a whole number from ${least} to ${most}`);
};

export function createPreparing({ model, rows, most: places, codec, rules, show }: Preparing) {
  let constraintOf: ((asked: Asked) => Constraint) | undefined;

  /** Most tokens of an answer: what is asked for, as far as positions and memory reach. */
  function mostOf(
    { answers: count = 1, adapter }: LiveRequest,
    settings: Settings,
    before: readonly number[],
    prompt: number,
  ): number {
    if (settings.maxNewTokens === 0) return 0;
    const [positions, memory] = [rows.most(prompt, adapter), rows.mostInMemory(prompt, count, adapter)];
    if (positions < 1) {
      fail("too_long", `the prompt has ${prompt} tokens, which leaves no position for an answer`, {
        hint: "shorten it, or take a model with more positions",
      });
    }
    if (memory < 1) {
      fail("out_of_memory", `${count} answers to a prompt of ${prompt} tokens need more memory than rows are given`, {
        hint: "ask for fewer, shorten the prompt, or give rows more bytes",
      });
    }
    return Math.min(mostAfter(settings, before), positions, memory);
  }

  return {
    /** @throws bad_input, too_long, unsupported, out_of_memory */
    check(request: LiveRequest): Checked {
      const { settings: given, answers: count = 1, logprobs, promptLogprobs = false, owner = "" } = request;
      const isDecoder = model.kind === "decoder";
      const begin = isDecoder && request.prompt.length === 0 ? model.begin : undefined;
      const prompt = begin === undefined ? [...request.prompt] : [begin];
      const settings = liveSettings(given, model.vocabulary);
      needCount("answers", count, 1, places);
      needCount("firstAnswer", request.firstAnswer ?? 0, 0, 2 ** 31);
      if (logprobs !== undefined) needCount("logprobs", logprobs, 0, model.vocabulary);
      if (promptLogprobs && !isDecoder) {
        fail("unsupported", "log-probabilities of the prompt with a model that does not write it", {
          hint: "an encoder reads the prompt; score choices instead",
        });
      }
      const { maxInput = Infinity } = given;
      if (prompt.length > maxInput) {
        fail("too_long", `the prompt has ${prompt.length} tokens, the limit is ${maxInput}`, {
          hint: "shorten it or raise the limit; nothing is ever cut off silently",
        });
      }
      rows.check(prompt, request.adapter);
      const before = isDecoder ? prompt : [model.start];
      return {
        request,
        owner,
        prompt,
        settings,
        before,
        count,
        most: mostOf(request, settings, before, prompt.length),
      };
    },
    /** @throws bad_input, unsupported for a schema or grammar that cannot be kept to */
    async answers(checked: Checked, tell: (event: LiveEvent) => void): Promise<Answer[]> {
      const { request, settings, before, most, count } = checked;
      const { schema, grammar } = request.settings;
      let constraint: Constraint | undefined;
      if (schema !== undefined || grammar !== undefined) {
        const { constraintsFor } = await import("../structured/constraint.ts");
        constraintOf ??= constraintsFor(codec, model.vocabulary, model.ends);
        constraint = constraintOf({ schema, grammar });
      }
      const processors = [...processorsFor(settings, rules, model.ends), ...(constraint ? [constraint] : [])];
      const shared = { before, most, settings, processors, constraint, codec, show, tell };
      return Array.from({ length: most === 0 ? 0 : count }, (_, index) =>
        createAnswer({
          ...shared,
          index: index + (request.firstAnswer ?? 0),
          ends: request.settings.ignoreEnds ? [] : model.ends,
          logprobs: request.logprobs,
        }),
      );
    },
  };
}
