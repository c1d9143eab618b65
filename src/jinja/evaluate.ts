/** Runs a template's statements: Python's semantics, within a budget, with nothing in reach but the row. */

import { float, int } from "../data/values.ts";
import { ZerothError } from "../errors.ts";
import { binary, signed } from "./arithmetic.ts";
import { type Budget, createBudget, type Limits } from "./budget.ts";
import { applyFilter } from "./filters.ts";
import { globalNamed } from "./globals.ts";
import { createLoop } from "./loop.ts";
import {
  Attributes,
  type CallArguments,
  Callable,
  Dict,
  dictOf,
  List,
  Namespace,
  PythonError,
  type PyValue,
  raise,
  Tuple,
  typeName,
  Undefined,
} from "./objects.ts";
import { compare, contains, equals, iterate, list, slice, str, truthy } from "./python.ts";
import type { Rules } from "./rules.ts";
import { type Context, type Scope, scopeOf, undefinedName } from "./scope.ts";
import type {
  Arguments,
  Comparison,
  Expression,
  FilterStep,
  Of,
  Parameter,
  Statement,
  Target,
} from "./syntax/syntax.ts";
import { applyTest } from "./tests.ts";
import { type Filter, itemOf, memberOf, noArguments, type Tools } from "./tools.ts";

export interface RenderOptions {
  /** File and template, for messages. */
  readonly where: string;
  /** A whole number in [0, n), for the filters `choice` and `random`. */
  readonly below: (n: number) => number;
  readonly limits?: Limits;
  readonly rules?: Rules;
  /** Filters of this kind of template, before Jinja's own. */
  readonly filters?: ReadonlyMap<string, Filter>;
}

const orders: Readonly<Record<Exclude<Comparison, "==" | "!=" | "in" | "not in">, (order: number) => boolean>> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

/**
 * The text that statements print for a context.
 * @throws bad_input when the template asks for what cannot be, too_long when it exceeds the budget, both with the line
 */
export function render(statements: readonly Statement[], context: Context, options: RenderOptions): string {
  const budget = createBudget(options.limits, options.rules);
  const state = { line: 1 };
  try {
    return run(statements, context, options, budget, state);
  } catch (cause) {
    const where = `${options.where}, line ${state.line}`;
    if (cause instanceof PythonError) throw new ZerothError(cause.code, cause.message, { where, cause });
    // Only a tower of lists inside lists gets here.
    if (cause instanceof RangeError) throw new ZerothError("too_long", "nested too deeply", { where, cause });
    throw cause;
  }
}

function run(
  statements: readonly Statement[],
  context: Context,
  { below, filters }: RenderOptions,
  budget: Budget,
  state: { line: number },
): string {
  const root = scopeOf(context);
  let depth = 0;
  /** The loop under way is being left, or its item is: nothing else of the body runs. */
  let leaving: "break" | "continue" | undefined;
  let printed: string[] = [];
  let length = 0;
  const tools: Tools = {
    budget,
    below,
    filters,
    filter: (name, input, args) => applyFilter(name, input, args, tools),
    test: (name, input, args) => applyTest(name, input, args, tools),
  };

  const print = (text: string) => {
    length += text.length;
    budget.text(length > budget.limits.characters ? length : text.length);
    printed.push(text);
  };
  /** What `inner` prints, as text. */
  const captured = (inner: () => void): string => {
    const outer = printed;
    printed = [];
    try {
      inner();
      return printed.join("");
    } finally {
      printed = outer;
    }
  };
  const deeper = <T>(inner: () => T): T => {
    if (++depth > budget.limits.depth)
      throw new PythonError(`more than ${budget.limits.depth} calls inside one another`, "too_long");
    try {
      return inner();
    } finally {
      depth--;
    }
  };

  function given(args: Arguments, scope: Scope): CallArguments {
    if (args.positional.length === 0 && args.keywords.length === 0 && !args.spread && !args.keywordSpread) {
      return noArguments;
    }
    const positional = args.positional.map((argument) => evaluate(argument, scope));
    if (args.spread) for (const item of list(evaluate(args.spread, scope), budget)) positional.push(item);
    const keywords = new Map(args.keywords.map(({ name, value }) => [name, evaluate(value, scope)]));
    if (args.keywordSpread) {
      const dict = evaluate(args.keywordSpread, scope);
      if (!(dict instanceof Dict)) return raise(`argument after ** must be a mapping, not ${typeName(dict)}`);
      for (const [key, value] of dict.entries.values()) keywords.set(str(key, budget), value);
    }
    return { positional, keywords };
  }

  function call(callee: PyValue, args: CallArguments): PyValue {
    if (callee instanceof Callable) return callee.call(args);
    if (callee instanceof Attributes && callee.call) return callee.call(args);
    return raise(callee instanceof Undefined ? callee.why : `'${typeName(callee)}' object is not callable`);
  }

  function name(key: string, scope: Scope): PyValue {
    const value = scope.get(key);
    if (value !== undefined) return value;
    return globalNamed(key, budget) ?? undefinedName(key, context);
  }

  function comparison({ left, rest }: Of<Expression, "compare">, scope: Scope): boolean {
    let before = evaluate(left, scope);
    for (const { operator, right } of rest) {
      const after = evaluate(right, scope);
      const holds =
        operator === "==" || operator === "!="
          ? equals(before, after, budget) === (operator === "==")
          : operator === "in" || operator === "not in"
            ? contains(after, before, budget) === (operator === "in")
            : orders[operator](compare(before, after, budget, operator));
      if (!holds) return false;
      before = after;
    }
    return true;
  }

  const constant = (value: Of<Expression, "constant">["value"]): PyValue => {
    if (value === null || typeof value !== "object") return value;
    return "int" in value ? int(value.int) : float(value.float);
  };
  const expressions: { readonly [K in Expression["kind"]]: (node: Of<Expression, K>, scope: Scope) => PyValue } = {
    constant: ({ value }) => constant(value),
    name: (node, scope) => name(node.name, scope),
    list: ({ items }, scope) => new List(items.map((item) => evaluate(item, scope))),
    tuple: ({ items }, scope) => new Tuple(items.map((item) => evaluate(item, scope))),
    dict: ({ entries }, scope) => {
      const pairs = entries.map(([key, value]) => [evaluate(key, scope), evaluate(value, scope)] as const);
      for (const [key] of pairs) if (typeof key === "string") budget.text(key.length);
      return dictOf(pairs);
    },
    attribute: (node, scope) => memberOf(evaluate(node.object, scope), node.name, budget),
    item: ({ object, key }, scope) => itemOf(evaluate(object, scope), evaluate(key, scope), budget),
    slice: ({ object, start, stop, step }, scope) => {
      const bound = (node: Expression | null) => (node === null ? null : evaluate(node, scope));
      return slice(evaluate(object, scope), [bound(start), bound(stop), bound(step)], budget);
    },
    call: (node, scope) => call(evaluate(node.callee, scope), given(node.arguments, scope)),
    filter: (node, scope) => applyFilter(node.name, evaluate(node.input, scope), given(node.arguments, scope), tools),
    test: (node, scope) =>
      applyTest(node.name, evaluate(node.input, scope), given(node.arguments, scope), tools) !== node.negated,
    not: ({ operand }, scope) => !truthy(evaluate(operand, scope)),
    sign: ({ operator, operand }, scope) => signed(operator, evaluate(operand, scope)),
    binary: ({ operator, left, right }, scope) =>
      binary(operator, evaluate(left, scope), evaluate(right, scope), budget),
    logic: ({ operator, left, right }, scope) => {
      const value = evaluate(left, scope);
      return truthy(value) === (operator === "or") ? value : evaluate(right, scope);
    },
    concat: ({ parts }, scope) => {
      const texts = parts.map((part) => str(evaluate(part, scope), budget));
      budget.text(texts.reduce((sum, text) => sum + text.length, 0));
      return texts.join("");
    },
    compare: comparison,
    conditional: ({ test, yes, no }, scope) => {
      if (truthy(evaluate(test, scope))) return evaluate(yes, scope);
      return no ? evaluate(no, scope) : new Undefined("an inline if was false and has no else");
    },
  };

  function evaluate<K extends Expression["kind"]>(node: Of<Expression, K>, scope: Scope): PyValue {
    budget.step();
    state.line = node.line;
    return expressions[node.kind as K](node, scope);
  }

  function assign(target: Target, value: PyValue, scope: Scope): void {
    if (target.kind === "name") {
      scope.set(target.name, value);
      return;
    }
    if (target.kind === "member") {
      const space = name(target.object, scope);
      if (space instanceof Namespace) space.values.set(target.name, value);
      else raise("cannot assign attribute on non-namespace object");
      return;
    }
    const items = list(value, budget);
    const wanted = target.items.length;
    if (items.length > wanted) raise(`too many values to unpack (expected ${wanted})`);
    if (items.length < wanted) raise(`not enough values to unpack (expected ${wanted}, got ${items.length})`);
    target.items.forEach((item, i) => {
      assign(item, items[i]!, scope);
    });
  }

  function* passing(node: Of<Statement, "for">, over: PyValue, scope: Scope): Generator<PyValue> {
    for (const item of iterate(over, budget)) {
      if (node.test) {
        const inner = scope.inner();
        assign(node.target, item, inner);
        if (!truthy(evaluate(node.test, inner))) continue;
      }
      yield item;
    }
  }

  function loop(node: Of<Statement, "for">, over: PyValue, scope: Scope, level: number): void {
    const again = ({ positional: [items] }: CallArguments): PyValue =>
      deeper(() =>
        captured(() => loop(node, items ?? raise("loop() needs the items to go through"), scope, level + 1)),
      );
    const { next, object } = createLoop(passing(node, over, scope), {
      sized: node.test ? undefined : over,
      depth: level,
      again: node.recursive ? again : undefined,
      budget,
    });
    let any = false;
    for (let item = next(); item !== undefined; item = next()) {
      any = true;
      const inner = scope.inner();
      inner.set("loop", object);
      assign(node.target, item, inner);
      execute(node.body, inner);
      const left = leaving;
      leaving = undefined;
      if (left === "break") break;
    }
    if (!any) execute(node.otherwise, scope.inner());
  }

  const through = (text: string, filters: readonly FilterStep[], scope: Scope): PyValue =>
    filters.reduce<PyValue>((value, step) => {
      state.line = step.line;
      return applyFilter(step.name, value, given(step.arguments, scope), tools);
    }, text);

  /** A macro, or the body of a call block: a function that gives what its body prints. */
  function macro(called: string, parameters: readonly Parameter[], body: readonly Statement[], scope: Scope): Callable {
    return new Callable(called, ({ positional, keywords }) =>
      deeper(() => {
        const inner = scope.inner();
        if (positional.length > parameters.length) {
          raise(`macro '${called}' takes not more than ${parameters.length} argument(s)`);
        }
        const known = new Set(["caller", ...parameters.map((parameter) => parameter.name)]);
        for (const key of keywords.keys()) {
          if (!known.has(key)) raise(`macro '${called}' takes no keyword argument '${key}'`);
        }
        const caller = keywords.get("caller");
        if (caller !== undefined) inner.set("caller", caller);
        parameters.forEach(({ name: parameter, initial }, i) => {
          const value = i < positional.length ? positional[i] : keywords.get(parameter);
          const otherwise = () =>
            initial ? evaluate(initial, inner) : new Undefined(`parameter '${parameter}' was not provided`);
          inner.set(parameter, value === undefined ? otherwise() : value);
        });
        return captured(() => execute(body, inner));
      }),
    );
  }

  const kinds: { readonly [K in Statement["kind"]]: (node: Of<Statement, K>, scope: Scope) => void } = {
    text: ({ text }) => print(text),
    print: ({ value }, scope) => print(str(evaluate(value, scope), budget)),
    if: ({ branches, otherwise }, scope) => {
      const branch = branches.find(({ test }) => truthy(evaluate(test, scope)));
      execute(branch ? branch.body : otherwise, scope);
    },
    for: (node, scope) => loop(node, evaluate(node.over, scope), scope, 0),
    set: ({ target, value }, scope) => assign(target, evaluate(value, scope), scope),
    capture: ({ target, filters, body }, scope) => {
      const text = captured(() => execute(body, scope.inner()));
      assign(target, through(text, filters, scope), scope);
    },
    with: ({ values, body }, scope) => {
      const inner = scope.inner();
      const evaluated = values.map(({ target, value }) => [target, evaluate(value, scope)] as const);
      for (const [target, value] of evaluated) assign(target, value, inner);
      execute(body, inner);
    },
    filtered: ({ filters, body }, scope) => {
      const text = captured(() => execute(body, scope.inner()));
      print(str(through(text, filters, scope), budget));
    },
    generation: ({ body }, scope) => execute(body, scope.inner()),
    break: () => {
      leaving = "break";
    },
    continue: () => {
      leaving = "continue";
    },
    macro: (node, scope) => scope.set(node.name, macro(node.name, node.parameters, node.body, scope)),
    call: (node, scope) => {
      const { callee, arguments: args } = node.call as Of<Expression, "call">;
      const target = evaluate(callee, scope);
      const { positional, keywords } = given(args, scope);
      const caller = macro("caller", node.parameters, node.body, scope);
      print(str(call(target, { positional, keywords: new Map([...keywords, ["caller", caller]]) }), budget));
    },
  };

  function one<K extends Statement["kind"]>(node: Of<Statement, K>, scope: Scope): void {
    budget.step();
    state.line = node.line;
    kinds[node.kind as K](node, scope);
  }
  function execute(body: readonly Statement[], scope: Scope): void {
    for (const node of body) {
      one(node, scope);
      if (leaving) return;
    }
  }

  execute(statements, root);
  return printed.join("");
}
