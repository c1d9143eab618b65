/** Arguments of functions, filters and methods by Python's rules: by place or by name, some with a value of their own. */
import { type CallArguments, type PyValue, raise } from "./objects.ts";

/** Name of each parameter; a value that is not `undefined` makes it optional. */
export type Parameters = Readonly<Record<string, PyValue | undefined>>;

export type Bound<P extends Parameters> = { readonly [K in keyof P]: PyValue };

/**
 * Put arguments into their parameters.
 * @throws a PythonError naming the parameter that is missing, unknown or given twice
 */
export function bind<const P extends Parameters>(
  name: string,
  parameters: P,
  { positional, keywords }: CallArguments,
): Bound<P> {
  const names = Object.keys(parameters);
  if (positional.length > names.length) {
    raise(`${name} takes at most ${names.length} argument${names.length === 1 ? "" : "s"}, got ${positional.length}`);
  }
  const bound = new Map<string, PyValue>();
  names.forEach((parameter, i) => {
    if (i < positional.length) {
      if (keywords.has(parameter)) raise(`${name} got the argument "${parameter}" twice`);
      bound.set(parameter, positional[i]!);
      return;
    }
    const value = keywords.has(parameter) ? keywords.get(parameter) : parameters[parameter];
    if (value === undefined) raise(`${name} lacks the argument "${parameter}"`);
    else bound.set(parameter, value);
  });
  for (const key of keywords.keys()) {
    if (!names.includes(key)) raise(`${name} has no argument "${key}" (it has ${names.join(", ") || "none"})`);
  }
  return Object.fromEntries(bound) as Bound<P>;
}
