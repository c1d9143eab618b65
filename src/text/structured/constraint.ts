/** Answers that fit a JSON schema or a grammar: which tokens are possible after those that an answer has. */
import { fail, ZerothError } from "../../errors.ts";
import type { TextCodec } from "../options.ts";
import type { Processor } from "../processor.ts";
import { type Automaton, automatonOf, type State } from "./automaton.ts";
import { pruned, refuseLeftRecursion } from "./check.ts";
import { parseGrammar } from "./gbnf.ts";
import { all, type Grammar, optional, ref, text } from "./grammar.ts";
import { schemaGrammar } from "./schema/grammar.ts";
import { readSchema } from "./schema/read.ts";
import { type Vocabulary, vocabularyOf } from "./vocabulary.ts";

/** What an answer must fit. */
export interface Asked {
  readonly schema?: unknown;
  readonly grammar?: string | undefined;
}

export interface Constraint extends Processor {
  /** The answer may end here. */
  mayEnd(answer: readonly number[]): boolean;
  /** The answer must end here: nothing can follow. */
  mustEnd(answer: readonly number[]): boolean;
}

/** A rule that may stand in front of the answer: a space that is not shown. */
const spaced = ({ start, rules }: Grammar): Grammar => ({
  start: " start",
  rules: new Map([...rules, [" start", all(optional(text(" ")), ref(start))]]),
});

function grammarOf({ schema, grammar }: Asked): Grammar {
  const made = grammar === undefined ? schemaGrammar(readSchema(schema)) : parseGrammar(grammar);
  refuseLeftRecursion(made);
  return made;
}

/** Where an answer is: its tokens are looked at once, as they come. */
interface Place {
  length: number;
  state: State | null;
}

function constraintOf(automaton: Automaton, vocabulary: Vocabulary, ends: readonly number[]): Constraint {
  const places = new WeakMap<readonly number[], Place>();
  /** What may follow an answer; null where it does not fit. Tokens that are no text change nothing. */
  const stateAfter = (answer: readonly number[]): State | null => {
    const known = places.get(answer);
    const place = known !== undefined && known.length <= answer.length ? known : { length: 0, state: automaton.start };
    if (place !== known) places.set(answer, place);
    if (place.length < answer.length) automaton.refill();
    for (; place.length < answer.length && place.state; place.length++) {
      for (const byte of vocabulary.bytes(answer[place.length]!) ?? []) {
        place.state = place.state && automaton.advance(place.state, byte);
      }
    }
    return place.state;
  };
  return {
    apply(_, { answer }, scores) {
      const state = stateAfter(answer);
      if (!state) fail("bad_input", "tokens that generation_config.json forces do not fit the schema or grammar");
      const mask = vocabulary.allowed(automaton, state);
      const first = answer.length === 0;
      const endScores = state.ends ? ends.map((id) => scores[id]!) : [];
      let [possible, last, lastScore] = [0, 0, 0];
      for (let id = 0; id < scores.length; id++) {
        if (scores[id] === -Infinity) continue;
        possible++;
        last = id;
        lastScore = scores[id]!;
        const fits = ((mask[id >> 5]! >>> (id & 31)) & 1) === 1 && !(first && vocabulary.differsFirst(id));
        if (!fits) scores[id] = -Infinity;
      }
      endScores.forEach((score, i) => {
        scores[ends[i]!] = score;
      });
      // A token that is no text, and that a model's makers have come here: a language, an end where the answer is cut.
      if (possible === 1 && vocabulary.bytes(last) === undefined) scores[last] = lastScore;
      else if (!state.ends && mask.every((bits) => bits === 0)) {
        fail("unsupported", "no token of this model's vocabulary goes on with what the schema or grammar asks for", {
          where: `after ${answer.length} tokens of the answer`,
          hint: "another model can: byte-level vocabularies (GPT-2, Llama 3, SmolLM2, ByT5) write every character",
        });
      }
    },
    mayEnd: (answer) => stateAfter(answer)?.ends ?? false,
    mustEnd(answer) {
      const state = stateAfter(answer);
      return state?.ends === true && state.positions.length === 0;
    },
  };
}

const kept = 16;

/**
 * Makes constraints for one model; a schema or grammar that was asked for lately is not read again.
 * @param size how many tokens the model chooses from
 */
export function constraintsFor(codec: TextCodec, size: number, ends: readonly number[]): (asked: Asked) => Constraint {
  let vocabulary: Vocabulary | undefined;
  const made = new Map<string, Automaton>();
  return (asked) => {
    if (!codec.tokenBytes) fail("unsupported", "this tokenizer does not say what text its tokens are");
    if (!vocabulary) {
      const tokens = codec.tokenBytes();
      // End tokens end, whatever their text.
      vocabulary = vocabularyOf({ ...tokens, bytes: (id) => (ends.includes(id) ? undefined : tokens.bytes(id)) }, size);
    }
    const key = asked.grammar === undefined ? `s${keyOf(asked.schema)}` : `g${asked.grammar}`;
    let automaton = made.get(key);
    if (!automaton) {
      const grammar = grammarOf(asked);
      const whole = vocabulary.dropsFirstSpace ? spaced(grammar) : grammar;
      automaton = automatonOf(pruned(whole, vocabulary.writable));
      if (made.size >= kept) made.delete(made.keys().next().value!);
      made.set(key, automaton);
    }
    return constraintOf(automaton, vocabulary, ends);
  };
}

function keyOf(schema: unknown): string {
  try {
    return JSON.stringify(schema) ?? "";
  } catch (cause) {
    throw new ZerothError("bad_input", "the schema is no JSON", { where: "schema", cause });
  }
}

/**
 * Refuse what is no schema or grammar before a model is opened.
 * @throws bad_input, unsupported, with the place
 */
export function checkAsked(asked: Asked): void {
  automatonOf(pruned(grammarOf(asked), undefined));
}
