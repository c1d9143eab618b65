/** Checking what was sent by a schema, with the name of the field in the answer. */
import type { z } from "@hono/zod-openapi";
import { invalid } from "./errors.ts";

type Issue = z.core.$ZodIssue;

/** "messages[0].content" */
export const paramOf = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : i > 0 ? `.${String(key)}` : String(key)))
    .join("")
    .slice(0, 200);

/** The issue nearest to what was meant: of alternatives, the one that fits furthest into the value. */
function deepest(issue: Issue, before: readonly PropertyKey[] = []): { issue: Issue; path: readonly PropertyKey[] } {
  const path = [...before, ...issue.path];
  if (issue.code !== "invalid_union") return { issue, path };
  const found = issue.errors.flatMap((errors) => errors.slice(0, 1).map((inner) => deepest(inner, path)));
  const best = found.reduce<(typeof found)[number] | undefined>(
    (most, one) => (one.path.length > (most?.path.length ?? path.length) ? one : most),
    undefined,
  );
  return best ?? { issue, path };
}

/**
 * The value as its schema has it.
 * @throws ApiError 400 with `param` for what does not fit
 */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const { issue, path } = deepest(result.error.issues[0]!);
  const param = paramOf(path);
  if (param === "") return invalid("body", "the request must be a JSON object");
  if ("input" in issue && issue.input === undefined && issue.code === "invalid_type") {
    return invalid(param, `'${param}' is needed, and is not there`, "missing_required_parameter");
  }
  const told = issue.message.replace(/^Invalid input: /, "").replace(/^Invalid input$/, "not what is expected here");
  const given = "input" in issue && typeof issue.input === "number" ? `; got ${issue.input}` : "";
  return invalid(param, `'${param}': ${told}${given}`, "invalid_value");
}

/** A field of OpenAI's interface that is not served: why, and the values of it that ask for nothing. */
export interface Refusal {
  readonly why: string;
  /** Values beside null that mean what happens anyway. */
  readonly neutral?: readonly unknown[];
}

export type Refusals = Readonly<Record<string, Refusal>>;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Refuse fields that would have to change the answer and cannot. */
export function refuseFields(refusals: Refusals, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [param, { why, neutral = [] }] of Object.entries(refusals)) {
    const given: unknown = Object.hasOwn(value, param) ? value[param as keyof typeof value] : undefined;
    if (given === undefined || given === null || neutral.some((one) => same(one, given))) continue;
    invalid(param, `'${param}' is not supported here: ${why}`, "unsupported_parameter");
  }
}
