/** The syntax tree of a template. Every node knows its line. */

export interface Keyword {
  readonly name: string;
  readonly value: Expression;
}

/** Arguments of a call, a filter or a test. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly keywords: readonly Keyword[];
  /** `*list` and `**dict`. */
  readonly spread?: Expression;
  readonly keywordSpread?: Expression;
}

export type Constant = null | boolean | string | { readonly int: bigint } | { readonly float: number };
export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

interface Expressions {
  constant: { readonly value: Constant };
  name: { readonly name: string };
  list: { readonly items: readonly Expression[] };
  tuple: { readonly items: readonly Expression[] };
  dict: { readonly entries: readonly (readonly [Expression, Expression])[] };
  attribute: { readonly object: Expression; readonly name: string };
  item: { readonly object: Expression; readonly key: Expression };
  slice: {
    readonly object: Expression;
    readonly start: Expression | null;
    readonly stop: Expression | null;
    readonly step: Expression | null;
  };
  call: { readonly callee: Expression; readonly arguments: Arguments };
  filter: { readonly input: Expression; readonly name: string; readonly arguments: Arguments };
  test: {
    readonly input: Expression;
    readonly name: string;
    readonly arguments: Arguments;
    readonly negated: boolean;
  };
  not: { readonly operand: Expression };
  sign: { readonly operator: "+" | "-"; readonly operand: Expression };
  binary: { readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression };
  logic: { readonly operator: "and" | "or"; readonly left: Expression; readonly right: Expression };
  concat: { readonly parts: readonly Expression[] };
  compare: {
    readonly left: Expression;
    readonly rest: readonly { readonly operator: Comparison; readonly right: Expression }[];
  };
  conditional: { readonly test: Expression; readonly yes: Expression; readonly no: Expression | null };
}

/** A name, or names to unpack into; `object.name` for namespaces, in `set` only. */
export type Target =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "names"; readonly items: readonly Target[] }
  | { readonly kind: "member"; readonly object: string; readonly name: string };

/** What to put text through before it counts: the filters of `{% filter %}` and `{% set x | upper %}`. */
export interface FilterStep {
  readonly name: string;
  readonly arguments: Arguments;
  readonly line: number;
}

export interface Parameter {
  readonly name: string;
  readonly initial: Expression | null;
}

interface Statements {
  text: { readonly text: string };
  print: { readonly value: Expression };
  if: {
    readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
    readonly otherwise: readonly Statement[];
  };
  for: {
    readonly target: Target;
    readonly over: Expression;
    readonly test: Expression | null;
    readonly recursive: boolean;
    readonly body: readonly Statement[];
    readonly otherwise: readonly Statement[];
  };
  set: { readonly target: Target; readonly value: Expression };
  capture: { readonly target: Target; readonly filters: readonly FilterStep[]; readonly body: readonly Statement[] };
  with: {
    readonly values: readonly { readonly target: Target; readonly value: Expression }[];
    readonly body: readonly Statement[];
  };
  filtered: { readonly filters: readonly FilterStep[]; readonly body: readonly Statement[] };
  /** What a model says, within a chat template. */
  generation: { readonly body: readonly Statement[] };
  break: unknown;
  continue: unknown;
  macro: { readonly name: string; readonly parameters: readonly Parameter[]; readonly body: readonly Statement[] };
  call: { readonly call: Expression; readonly parameters: readonly Parameter[]; readonly body: readonly Statement[] };
}

export type Expression = {
  [K in keyof Expressions]: { readonly kind: K; readonly line: number } & Expressions[K];
}[keyof Expressions];

export type Statement = {
  [K in keyof Statements]: { readonly kind: K; readonly line: number } & Statements[K];
}[keyof Statements];

/** A node of one kind. */
export type Of<T extends { kind: string }, K extends T["kind"]> = Extract<T, { kind: K }>;
