/** Jinja's expressions: comparisons chain, filters bind tighter than operators, `-x | abs` is `(-x) | abs`. */
import type { Cursor } from "./cursor.ts";
import type { Arguments, BinaryOperator, Comparison, Expression, FilterStep, Keyword } from "./syntax.ts";

/** Python's own limit. */
const mostDigits = 4300;
/** Steps of chains (`a | b | c`, `a.b.c`, `a + b + c`) in one expression: each is a level of its tree, which is walked. */
const mostSteps = 2000;
const comparisons = new Set(["==", "!=", "<", "<=", ">", ">="]);
const none: Arguments = { positional: [], keywords: [] };
const constants: ReadonlyMap<string, null | boolean> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

interface TupleOptions {
  readonly conditional?: boolean;
  readonly explicit?: boolean;
  /** Names that end it, besides the end of the tag. */
  readonly ends?: readonly string[];
}

export interface ExpressionParser {
  expression(): Expression;
  /** One expression, or several with commas between. */
  tuple(options?: TupleOptions): Expression;
  /** Items up to a closing bracket, which is passed too; a comma may follow the last. */
  listed<T>(close: string, item: () => T): T[];
  /** The steps of `a | b | c`, the first without its bar where a tag stands before it. */
  filterSteps(inline: boolean): FilterStep[];
}

export function expressionParser({
  here,
  ahead,
  take,
  is,
  operator,
  word,
  skip,
  expect,
  describe,
  wrong,
  tooLong,
  deeper,
}: Cursor): ExpressionParser {
  let [within, steps] = [0, 0];
  /** A further step of a chain. */
  const step = (): void => {
    if (++steps > mostSteps) tooLong(`an expression of more than ${mostSteps} steps`);
  };
  // Loosest first. `conditional` is false where "if" belongs to the statement around.
  const expression = (conditional = true): Expression => {
    if (within === 0) steps = 0;
    within++;
    const node = deeper(() => (conditional ? conditionalExpression() : or()));
    within--;
    return node;
  };

  function conditionalExpression(): Expression {
    let yes = or();
    while (word("if")) {
      step();
      const { line } = take();
      const test = or();
      const no = skip("name", "else") ? deeper(conditionalExpression) : null;
      yes = { kind: "conditional", line, test, yes, no };
    }
    return yes;
  }
  function or(): Expression {
    let left = and();
    while (word("or")) {
      step();
      const { line } = take();
      left = { kind: "logic", line, operator: "or", left, right: and() };
    }
    return left;
  }
  function and(): Expression {
    let left = not();
    while (word("and")) {
      step();
      const { line } = take();
      left = { kind: "logic", line, operator: "and", left, right: not() };
    }
    return left;
  }
  function not(): Expression {
    if (!word("not")) return comparison();
    const { line } = take();
    return { kind: "not", line, operand: deeper(not) };
  }
  function comparison(): Expression {
    const { line } = here();
    const left = sum();
    const rest: { operator: Comparison; right: Expression }[] = [];
    for (;;) {
      const token = here();
      if (token.kind === "operator" && comparisons.has(token.value)) {
        take();
        rest.push({ operator: token.value as Comparison, right: sum() });
      } else if (word("in")) {
        take();
        rest.push({ operator: "in", right: sum() });
      } else if (word("not") && ahead(1)?.kind === "name" && ahead(1)?.value === "in") {
        take();
        take();
        rest.push({ operator: "not in", right: sum() });
      } else break;
    }
    return rest.length === 0 ? left : { kind: "compare", line, left, rest };
  }
  const chain = (operators: readonly BinaryOperator[], next: () => Expression) => (): Expression => {
    let left = next();
    for (;;) {
      const token = here();
      if (token.kind !== "operator" || !operators.includes(token.value as BinaryOperator)) return left;
      step();
      take();
      left = { kind: "binary", line: token.line, operator: token.value as BinaryOperator, left, right: next() };
    }
  };
  const power = chain(["**"], () => unary());
  const product = chain(["*", "/", "//", "%"], power);
  const sum = chain(["+", "-"], concat);
  function concat(): Expression {
    const { line } = here();
    const parts = [product()];
    while (skip("operator", "~")) parts.push(product());
    return parts.length === 1 ? parts[0]! : { kind: "concat", line, parts };
  }
  function unary(filters = true): Expression {
    const token = here();
    let node: Expression;
    if (operator("-") || operator("+")) {
      take();
      node = {
        kind: "sign",
        line: token.line,
        operator: token.value as "-",
        operand: deeper(() => unary(false)),
      };
    } else node = primary();
    node = postfix(node);
    return filters ? filtered(node) : node;
  }
  function primary(): Expression {
    const { kind, value, line } = here();
    if (kind === "name") {
      take();
      return constants.has(value)
        ? { kind: "constant", line, value: constants.get(value)! }
        : { kind: "name", line, name: value };
    }
    if (kind === "string") {
      let joined = "";
      while (is("string")) joined += take().value;
      return { kind: "constant", line, value: joined };
    }
    if (kind === "int") {
      if (value.length > mostDigits) wrong(`a whole number of more than ${mostDigits} digits`);
      take();
      return { kind: "constant", line, value: { int: BigInt(value.replaceAll("_", "")) } };
    }
    if (kind === "float") {
      take();
      return { kind: "constant", line, value: { float: Number(value.replaceAll("_", "")) } };
    }
    if (skip("operator", "(")) {
      const node = tuple({ explicit: true });
      expect("operator", ")");
      return node;
    }
    if (skip("operator", "[")) return { kind: "list", line, items: listed("]", expression) };
    if (skip("operator", "{")) {
      const entry = (): [Expression, Expression] => {
        const key = expression();
        expect("operator", ":");
        return [key, expression()];
      };
      return { kind: "dict", line, entries: listed("}", entry) };
    }
    return wrong(`unexpected ${describe(here())}, expected an expression`);
  }
  /** Items up to a closing bracket, which is taken too; a comma may follow the last. */
  function listed<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    while (!operator(close)) {
      if (items.length > 0) expect("operator", ",");
      if (operator(close)) break;
      items.push(item());
    }
    expect("operator", close);
    return items;
  }
  /** One expression, or several with commas between. */
  function tuple({ conditional = true, explicit = false, ends = [] }: TupleOptions = {}): Expression {
    const { line } = here();
    const items: Expression[] = [];
    let many = false;
    for (;;) {
      if (items.length > 0) expect("operator", ",");
      if (is("end print") || is("end block") || operator(")") || word(...ends)) break;
      items.push(expression(conditional));
      if (!operator(",")) break;
      many = true;
    }
    if (many) return { kind: "tuple", line, items };
    if (items.length > 0) return items[0]!;
    if (!explicit) wrong(`unexpected ${describe(here())}, expected an expression`);
    return { kind: "tuple", line, items };
  }
  function postfix(start: Expression): Expression {
    for (let node = start; ; step()) {
      const { line } = here();
      if (skip("operator", ".")) {
        const token = take();
        if (token.kind === "name") node = { kind: "attribute", line, object: node, name: token.value };
        else if (token.kind === "int") {
          node = {
            kind: "item",
            line,
            object: node,
            key: { kind: "constant", line, value: { int: BigInt(token.value) } },
          };
        } else wrong(`unexpected ${describe(token)}, expected a name or a number after "."`, token.line);
      } else if (skip("operator", "[")) node = subscript(node, line);
      else if (operator("(")) node = { kind: "call", line, callee: node, arguments: callArguments() };
      else return node;
    }
  }
  function subscript(object: Expression, line: number): Expression {
    const parts: (Expression | null)[] = [];
    const bound = (): Expression | null => (operator(":") || operator("]") ? null : expression());
    const first = bound();
    if (!operator(":")) {
      if (first === null) wrong('unexpected "]", expected an index');
      const items = [first!];
      while (skip("operator", ",")) items.push(expression());
      expect("operator", "]");
      return { kind: "item", line, object, key: items.length === 1 ? items[0]! : { kind: "tuple", line, items } };
    }
    while (parts.length < 2 && skip("operator", ":")) parts.push(bound());
    expect("operator", "]");
    return { kind: "slice", line, object, start: first, stop: parts[0] ?? null, step: parts[1] ?? null };
  }
  function callArguments(): Arguments {
    expect("operator", "(");
    const positional: Expression[] = [];
    const keywords: Keyword[] = [];
    let spread: Expression | undefined;
    let keywordSpread: Expression | undefined;
    while (!operator(")")) {
      if (positional.length + keywords.length > 0 || spread || keywordSpread) expect("operator", ",");
      if (operator(")")) break;
      if (keywordSpread) wrong('nothing may follow "**" arguments');
      if (skip("operator", "*")) {
        if (spread) wrong('only one "*" argument is allowed');
        spread = expression();
      } else if (skip("operator", "**")) keywordSpread = expression();
      else if (here().kind === "name" && ahead(1)?.kind === "operator" && ahead(1)?.value === "=") {
        const name = here().value;
        take();
        take();
        keywords.push({ name, value: expression() });
      } else {
        if (keywords.length > 0 || spread) wrong("an argument without a name follows one with a name");
        positional.push(expression());
      }
    }
    expect("operator", ")");
    return { positional, keywords, ...(spread ? { spread } : {}), ...(keywordSpread ? { keywordSpread } : {}) };
  }
  const dotted = (): string => {
    let name = expect("name").value;
    while (skip("operator", ".")) name += `.${expect("name").value}`;
    return name;
  };
  function filterStep(): FilterStep {
    const { line } = here();
    const name = dotted();
    return { name, line, arguments: operator("(") ? callArguments() : none };
  }
  /** The steps of `a | b | c`, the first without its bar where a tag stands before it. */
  function filterSteps(inline: boolean): FilterStep[] {
    const steps: FilterStep[] = inline ? [filterStep()] : [];
    while (skip("operator", "|")) steps.push(filterStep());
    return steps;
  }
  function filtered(start: Expression): Expression {
    let node = start;
    for (;;) {
      const { line } = here();
      if (operator("|")) {
        for (const one of filterSteps(false)) {
          step();
          node = { kind: "filter", input: node, ...one };
        }
        continue;
      }
      if (word("is")) node = test(node);
      else if (operator("(")) node = { kind: "call", line, callee: node, arguments: callArguments() };
      else return node;
      step();
    }
  }
  function test(input: Expression): Expression {
    const { line } = take();
    const negated = skip("name", "not");
    const name = dotted();
    let given = none;
    if (operator("(")) given = callArguments();
    else if (
      ["name", "string", "int", "float"].includes(here().kind)
        ? !word("else", "or", "and")
        : operator("[") || operator("{")
    ) {
      if (word("is")) wrong('tests cannot be chained with "is"');
      given = { positional: [postfix(primary())], keywords: [] };
    }
    return { kind: "test", line, input, name, arguments: given, negated };
  }

  return { expression, tuple, listed, filterSteps };
}
