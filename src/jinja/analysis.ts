/** What a template needs, from its syntax alone: names of the row, filters, tests. */
import { filterNames } from "./filters.ts";
import { globalNames } from "./globals.ts";
import type { Arguments, Expression, Of, Statement, Target } from "./syntax/syntax.ts";
import { testNames } from "./tests.ts";

interface Visitor {
  readonly name: (name: string, known: ReadonlySet<string>, line: number) => void;
  readonly filter: (name: string, line: number, input?: Expression) => void;
  readonly test: (name: string, line: number, input: Expression) => void;
  readonly conditional?: (node: Of<Expression, "conditional">) => void;
}

/** Whatever a node holds: nodes are plain data, so walking their fields finds all of it. */
type Part = Expression | Arguments | readonly Part[] | { readonly [key: string]: unknown } | unknown;

function names(target: Target): string[] {
  if (target.kind === "names") return target.items.flatMap(names);
  return target.kind === "name" ? [target.name] : [];
}

function expressions(part: Part, known: ReadonlySet<string>, visitor: Visitor): void {
  if (part === null || typeof part !== "object") return;
  if (Array.isArray(part)) {
    for (const item of part) expressions(item, known, visitor);
    return;
  }
  const node = part as Expression;
  if (node.kind === "name") visitor.name(node.name, known, node.line);
  if (node.kind === "filter") visitor.filter(node.name, node.line, node.input);
  if (node.kind === "test") visitor.test(node.name, node.line, node.input);
  if (node.kind === "conditional") visitor.conditional?.(node);
  if (node.kind !== "constant") for (const value of Object.values(node)) expressions(value, known, visitor);
}

function statements(body: readonly Statement[], known: Set<string>, visitor: Visitor): void {
  const visit = (part: Part, names: ReadonlySet<string> = known) => expressions(part, names, visitor);
  const inner = (inside: readonly Statement[], more: readonly string[] = []) =>
    statements(inside, new Set([...known, ...more]), visitor);
  const declare = (target: Target, line: number) => {
    if (target.kind === "member") visitor.name(target.object, known, line);
    for (const name of names(target)) known.add(name);
  };
  for (const node of body) {
    if (node.kind === "print") visit(node.value);
    else if (node.kind === "if") {
      // A branch has no scope of its own: what it sets may be there afterwards.
      for (const { test, body: branch } of node.branches) {
        visit(test);
        statements(branch, known, visitor);
      }
      statements(node.otherwise, known, visitor);
    } else if (node.kind === "for") {
      visit(node.over);
      const own = names(node.target);
      visit(node.test, new Set([...known, ...own]));
      inner(node.body, [...own, "loop"]);
      inner(node.otherwise);
    } else if (node.kind === "set") {
      visit(node.value);
      declare(node.target, node.line);
    } else if (node.kind === "capture") {
      filtered(node.filters);
      inner(node.body);
      declare(node.target, node.line);
    } else if (node.kind === "with") {
      visit(node.values.map(({ value }) => value));
      inner(
        node.body,
        node.values.flatMap(({ target }) => names(target)),
      );
    } else if (node.kind === "filtered") {
      filtered(node.filters);
      inner(node.body);
    } else if (node.kind === "generation") {
      inner(node.body);
    } else if (node.kind === "macro") {
      known.add(node.name);
      visit(node.parameters.map(({ initial }) => initial));
      inner(node.body, [...node.parameters.map(({ name }) => name), "caller"]);
    } else if (node.kind === "call") {
      visit(node.call);
      inner(
        node.body,
        node.parameters.map(({ name }) => name),
      );
    }
  }
  function filtered(steps: readonly { readonly name: string; readonly line: number; readonly arguments: Arguments }[]) {
    for (const step of steps) {
      visitor.filter(step.name, step.line);
      visit(step.arguments);
    }
  }
}

const ignore = () => {};

/** Names that are neither set by the template nor functions every template has: the columns it asks for. */
export function undeclared(body: readonly Statement[]): Set<string> {
  const found = new Set<string>();
  const name = (called: string, known: ReadonlySet<string>) => {
    if (!known.has(called) && !globalNames.has(called)) found.add(called);
  };
  statements(body, new Set(), { name, filter: ignore, test: ignore });
  return found;
}

const asksDefined = (name: string) => name === "defined" || name === "undefined";

/**
 * Names the template can do without: it asks whether they are defined, says what to take instead, or uses them only
 * according to such a question, as in `text if text is defined else title`.
 */
export function guarded(body: readonly Statement[]): Set<string> {
  const found = new Set<string>();
  const add = (input: Expression | undefined) => input?.kind === "name" && found.add(input.name);
  const all = { name: (name: string) => found.add(name), filter: ignore, test: ignore };
  statements(body, new Set(), {
    name: ignore,
    filter: (name, _, input) => (name === "default" || name === "d") && add(input),
    test: (name, _, input) => asksDefined(name) && add(input),
    conditional({ test, yes, no }) {
      if (test.kind === "test" && asksDefined(test.name)) expressions([yes, no], new Set(), all);
    },
  });
  return found;
}

/** Filters and tests that do not exist, with their lines. */
export function unknown(body: readonly Statement[]): { what: string; line: number }[] {
  const found: { what: string; line: number }[] = [];
  statements(body, new Set(), {
    name: ignore,
    filter: (name, line) => !filterNames.has(name) && found.push({ what: `there is no filter "${name}"`, line }),
    test: (name, line) => !testNames.has(name) && found.push({ what: `there is no test "${name}"`, line }),
  });
  return found;
}
