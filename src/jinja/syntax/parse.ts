/** Jinja's grammar with its own tags and those of a dialect, as its own parser reads it. */
import { cursorOf } from "./cursor.ts";
import { type Dialect, plainJinja } from "./dialect.ts";
import { expressionParser } from "./parse-expressions.ts";
import type { Expression, Parameter, Statement, Target } from "./syntax.ts";
import type { Token } from "./tokens.ts";

const reserved = new Set(["true", "false", "none", "True", "False", "None"]);

/**
 * The statements of a template.
 * @param where file and template, for messages
 * @throws bad_input with the line
 */
export function parse(text: string, where: string, dialect: Dialect = plainJinja): Statement[] {
  const cursor = cursorOf(text, where, dialect);
  const { here, ahead, take, is, operator, word, skip, expect, wrong, deeper } = cursor;
  const { expression, tuple, listed, filterSteps } = expressionParser(cursor);

  function target(ends: readonly string[], members = false): Target {
    const one = (): Target => {
      if (skip("operator", "(")) {
        const items = listed(")", one);
        return items.length === 1 ? items[0]! : { kind: "names", items };
      }
      const { value } = expect("name");
      if (members && skip("operator", ".")) return { kind: "member", object: value, name: expect("name").value };
      if (reserved.has(value)) wrong(`nothing can be assigned to "${value}"`);
      return { kind: "name", name: value };
    };
    const items = [one()];
    if (!operator(",")) return items[0]!;
    while (skip("operator", ",")) {
      if (word(...ends) || operator("=") || is("end block")) break;
      items.push(one());
    }
    return { kind: "names", items };
  }
  function parameters(): Parameter[] {
    expect("operator", "(");
    return listed(")", () => {
      const { value } = expect("name");
      return { name: value, initial: skip("operator", "=") ? expression() : null };
    });
  }
  /** Statements up to one of these tags, whose "{%" is taken and whose name is next. */
  function body(opened: Token, ...ends: string[]): Statement[] {
    return deeper(() => {
      const statements: Statement[] = [];
      for (;;) {
        const token = here();
        if (token.kind === "end") {
          return wrong(`"{% ${opened.value} %}" is never closed: "{% ${ends.at(-1)} %}" is missing`, opened.line);
        }
        if (token.kind === "block" && ahead(1)?.kind === "name" && ends.includes(ahead(1)!.value)) {
          take();
          return statements;
        }
        statements.push(statement());
      }
    });
  }
  /** A body that one tag closes. */
  const closed = (opened: Token, end: string): Statement[] => {
    expect("end block");
    const statements = body(opened, end);
    take();
    return statements;
  };
  /** Loops around the place, of those that a `break` there would leave. */
  let loops = 0;
  const within = <T>(depth: number, inner: () => T): T => {
    const outer = loops;
    loops = depth;
    const result = inner();
    loops = outer;
    return result;
  };
  const leave =
    (kind: "break" | "continue") =>
    (tag: Token): Statement => {
      if (loops === 0) wrong(`"{% ${kind} %}" stands in no loop`, tag.line);
      return { kind, line: tag.line };
    };
  const more: Readonly<Record<string, (tag: Token) => Statement>> = {
    break: leave("break"),
    continue: leave("continue"),
    generation: (tag) => ({
      kind: "generation",
      line: tag.line,
      body: within(0, () => closed(tag, "endgeneration")),
    }),
  };
  const tags: Readonly<Record<string, (tag: Token) => Statement>> = {
    ...Object.fromEntries([...dialect.tags].map((name) => [name, more[name]!])),
    if(tag) {
      const branches: { test: Expression; body: Statement[] }[] = [];
      let otherwise: Statement[] = [];
      for (;;) {
        const test = tuple({ conditional: false });
        expect("end block");
        branches.push({ test, body: body(tag, "elif", "else", "endif") });
        const { value } = take();
        if (value === "elif") continue;
        if (value === "else") otherwise = closed(tag, "endif");
        return { kind: "if", line: tag.line, branches, otherwise };
      }
    },
    for(tag) {
      const into = target(["in"]);
      expect("name", "in");
      const over = tuple({ conditional: false, ends: ["recursive"] });
      const test = skip("name", "if") ? expression() : null;
      const recursive = skip("name", "recursive");
      expect("end block");
      const inner = within(loops + 1, () => body(tag, "else", "endfor"));
      const otherwise = take().value === "else" ? closed(tag, "endfor") : [];
      return { kind: "for", line: tag.line, target: into, over, test, recursive, body: inner, otherwise };
    },
    set(tag) {
      const into = target([], true);
      if (skip("operator", "=")) return { kind: "set", line: tag.line, target: into, value: tuple() };
      const filters = filterSteps(false);
      return { kind: "capture", line: tag.line, target: into, filters, body: closed(tag, "endset") };
    },
    with(tag) {
      const values: { target: Target; value: Expression }[] = [];
      while (!is("end block")) {
        if (values.length > 0) expect("operator", ",");
        const into = target([]);
        expect("operator", "=");
        values.push({ target: into, value: expression() });
      }
      return { kind: "with", line: tag.line, values, body: closed(tag, "endwith") };
    },
    filter(tag) {
      const filters = filterSteps(true);
      return { kind: "filtered", line: tag.line, filters, body: closed(tag, "endfilter") };
    },
    macro(tag) {
      const name = expect("name").value;
      const given = parameters();
      return { kind: "macro", line: tag.line, name, parameters: given, body: within(0, () => closed(tag, "endmacro")) };
    },
    call(tag) {
      const given = operator("(") ? parameters() : [];
      const call = expression();
      if (call.kind !== "call") wrong('"{% call %}" needs a call, as in {% call name() %}');
      const inner = within(0, () => closed(tag, "endcall"));
      return { kind: "call", line: tag.line, call, parameters: given, body: inner };
    },
  };
  function statement(): Statement {
    const token = take();
    if (token.kind === "text") return { kind: "text", line: token.line, text: token.value };
    if (token.kind === "print") {
      const value = tuple();
      expect("end print");
      return { kind: "print", line: token.line, value };
    }
    const tag = expect("name");
    if (!Object.hasOwn(tags, tag.value)) {
      return wrong(`unknown tag "${tag.value}" (known: ${Object.keys(tags).join(", ")}, raw)`, tag.line);
    }
    const node = tags[tag.value]!(tag);
    // Tags with a body end at the end of their closing tag, the others at their own.
    expect("end block");
    return node;
  }

  const statements: Statement[] = [];
  while (!is("end")) statements.push(statement());
  return statements;
}
