/** Whether a grammar fits a text, asked byte by byte. */
import { automatonOf } from "../../src/text/structured/automaton.ts";
import { pruned, refuseLeftRecursion } from "../../src/text/structured/check.ts";
import { parseGrammar } from "../../src/text/structured/gbnf.ts";
import type { Grammar, Rule } from "../../src/text/structured/grammar.ts";
import { jsonRules } from "../../src/text/structured/json.ts";
import { schemaGrammar } from "../../src/text/structured/schema/grammar.ts";
import { readSchema } from "../../src/text/structured/schema/read.ts";

export type Accepts = (text: string | Uint8Array) => boolean;

export function acceptorOf(grammar: Grammar): Accepts {
  refuseLeftRecursion(grammar);
  const automaton = automatonOf(pruned(grammar, undefined));
  return (text) => {
    automaton.refill();
    let state: typeof automaton.start | null = automaton.start;
    for (const byte of typeof text === "string" ? new TextEncoder().encode(text) : text) {
      state = state && automaton.advance(state, byte);
    }
    return state?.ends ?? false;
  };
}

export const acceptsSchema = (schema: unknown): Accepts => acceptorOf(schemaGrammar(readSchema(schema)));
export const acceptsGrammar = (source: string): Accepts => acceptorOf(parseGrammar(source));
export const acceptsRule = (rule: Rule): Accepts =>
  acceptorOf({ start: "start", rules: new Map([...jsonRules, ["start", rule]]) });
