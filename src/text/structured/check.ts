/** What a grammar must be before an automaton is made of it, and what a vocabulary leaves of it. */
import { fail } from "../../errors.ts";
import { all, any, empty, type Grammar, none, type Range, type Rule, repeat, shared } from "./grammar.ts";

/** Visit a rule's parts; `visit` says whether to go into a part. */
function walk(rule: Rule, visit: (rule: Rule) => void): void {
  const open = [rule];
  for (let item = open.pop(); item; item = open.pop()) {
    visit(item);
    if (item.type === "all" || item.type === "any") open.push(...item.items);
    else if (item.type === "repeat") open.push(item.item);
  }
}

/** Names of the rules that one rule can begin with, given which can be empty. */
function firsts(rule: Rule, canBeEmpty: ReadonlySet<string>, out: Set<string>): boolean {
  switch (rule.type) {
    case "text":
      return rule.text === "";
    case "set":
      return false;
    case "all":
      return rule.items.every((item) => firsts(item, canBeEmpty, out));
    case "any": {
      let some = false;
      for (const item of rule.items) if (firsts(item, canBeEmpty, out)) some = true;
      return some;
    }
    case "repeat":
      return firsts(rule.item, canBeEmpty, out) || rule.min === 0;
    case "ref":
      out.add(rule.name);
      return canBeEmpty.has(rule.name);
  }
}

/** Apply `step` to the rules until nothing changes; a rule is looked at again only when one that it names has changed. */
function untilStable(grammar: Grammar, step: (name: string, rule: Rule) => boolean): void {
  const users = new Map<string, string[]>();
  for (const [name, rule] of grammar.rules) {
    walk(rule, (part) => {
      if (part.type !== "ref") return;
      const list = users.get(part.name);
      if (list) list.push(name);
      else users.set(part.name, [name]);
    });
  }
  const open = [...grammar.rules.keys()];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (step(name, grammar.rules.get(name)!)) open.push(...(users.get(name) ?? []));
  }
}

/**
 * Refuse a rule that begins with itself: it could be called again and again without a byte being taken.
 * @throws bad_input naming the rule
 */
export function refuseLeftRecursion(grammar: Grammar): void {
  const canBeEmpty = new Set<string>();
  untilStable(grammar, (name, rule) => {
    if (canBeEmpty.has(name) || !firsts(rule, canBeEmpty, new Set())) return false;
    canBeEmpty.add(name);
    return true;
  });
  const begins = new Map<string, string[]>();
  for (const [name, rule] of grammar.rules) {
    const found = new Set<string>();
    firsts(rule, canBeEmpty, found);
    begins.set(name, [...found]);
  }
  // Depth first, with the way here on a list of its own: grammars may have very many rules.
  const finished = new Set<string>();
  for (const root of grammar.rules.keys()) {
    const way: [name: string, at: number][] = [[root, 0]];
    const onWay = new Set([root]);
    while (way.length > 0) {
      const top = way.at(-1)!;
      const next = finished.has(top[0]) ? undefined : begins.get(top[0])![top[1]++];
      if (next === undefined) {
        finished.add(top[0]);
        onWay.delete(top[0]);
        way.pop();
      } else if (onWay.has(next)) {
        fail("bad_input", `the rule ${next} begins with itself, so it would never take a character`, {
          hint: `write the repetition with * or +, or put the rule behind what comes first: ${next} ::= "a" ${next} | "a"`,
        });
      } else if (!finished.has(next)) {
        way.push([next, 0]);
        onWay.add(next);
      }
    }
  }
}

/** What can be written: all characters, or these. */
export type Writable = { readonly ranges: readonly Range[] } | undefined;

/** Characters without which nothing fits: of alternatives those that lack the fewest. */
function whatLacks(grammar: Grammar, fits: (rule: Rule) => boolean, lacking: (text: string) => string[]): string[] {
  const seen = new Set<string>();
  const of = (rule: Rule, depth: number): string[] => {
    if (depth > 200 || fits(rule)) return [];
    switch (rule.type) {
      case "text":
        return lacking(rule.text);
      case "set":
        return rule.ranges.slice(0, 3).map(([first]) => String.fromCodePoint(first));
      case "all":
        return rule.items.flatMap((item) => of(item, depth + 1));
      case "any": {
        const ways = rule.items.map((item) => of(item, depth + 1)).filter((way) => way.length > 0);
        return ways.sort((a, b) => a.length - b.length)[0] ?? [];
      }
      case "repeat":
        return of(rule.item, depth + 1);
      case "ref": {
        if (seen.has(rule.name)) return [];
        seen.add(rule.name);
        return of(grammar.rules.get(rule.name)!, depth + 1);
      }
    }
  };
  return [...new Set(of({ type: "ref", name: grammar.start }, 0))].slice(0, 12);
}

/**
 * A grammar without what leads nowhere: characters that cannot be written, and alternatives from which no text can be
 * completed.
 * @throws bad_input where no text is left, naming the characters that the vocabulary lacks
 */
export function pruned(grammar: Grammar, writable: Writable): Grammar {
  const has = (point: number): boolean =>
    writable === undefined || writable.ranges.some(([first, last]) => point >= first && point <= last);
  const lacking = (text: string): string[] => Array.from(text).filter((char) => !has(char.codePointAt(0)!));
  const written = (rule: Rule): boolean => {
    if (rule.type === "set") return (writable ? shared(rule.ranges, writable.ranges) : rule.ranges).length > 0;
    return rule.type !== "text" || lacking(rule.text).length === 0;
  };
  const completed = new Set<string>();
  const fits = (rule: Rule): boolean => {
    switch (rule.type) {
      case "text":
      case "set":
        return written(rule);
      case "all":
        return rule.items.every(fits);
      case "any":
        return rule.items.some(fits);
      case "repeat":
        return rule.min === 0 || fits(rule.item);
      case "ref":
        return completed.has(rule.name);
    }
  };
  untilStable(grammar, (name, rule) => {
    if (completed.has(name) || !fits(rule)) return false;
    completed.add(name);
    return true;
  });
  if (!completed.has(grammar.start)) {
    const missing = whatLacks(grammar, fits, lacking);
    const lacks = missing.map((char) => JSON.stringify(char)).join(", ");
    if (missing.length > 0) {
      fail("unsupported", `this model's vocabulary has no ${lacks}, so it cannot write what is asked for`, {
        hint: "another model can: byte-level vocabularies (GPT-2, Llama 3, SmolLM2, ByT5) write every character",
      });
    }
    fail("bad_input", "no text fits the schema or grammar", { hint: "look for parts that exclude each other" });
  }
  const left = (rule: Rule): Rule => {
    switch (rule.type) {
      case "text":
        return written(rule) ? rule : none;
      case "set":
        return writable ? { type: "set", ranges: shared(rule.ranges, writable.ranges) } : rule;
      case "all":
        return fits(rule) ? all(...rule.items.map(left)) : none;
      case "any":
        return any(...rule.items.filter(fits).map(left));
      case "repeat":
        return fits(rule.item) ? repeat(left(rule.item), rule.min, rule.max) : empty;
      case "ref":
        return rule;
    }
  };
  const rules = [...grammar.rules]
    .filter(([name]) => completed.has(name))
    .map(([name, rule]) => [name, left(rule)] as const);
  return { start: grammar.start, rules: new Map(rules) };
}
