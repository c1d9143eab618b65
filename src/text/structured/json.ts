/**
 * JSON as a grammar. It is written on one line, with at most one space after a comma or colon and none elsewhere: small
 * models that may write any white space write nothing else.
 */
import { all, any, chars, empty, type Range, type Rule, ref, repeat, set, shared, text } from "./grammar.ts";

export const comma: Rule = all(text(","), repeat(text(" "), 0, 1));
export const colon: Rule = all(text(":"), repeat(text(" "), 0, 1));
export const quote: Rule = text('"');
export const digit: Rule = set(...chars("0-9"));

/** Digits that a number has at most, so that what is written is what a double holds. */
export const maxDigits = 15;

const hex = chars("0-9a-fA-F");
/** Characters that a string holds as they are. */
const plain: readonly Range[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x10ffff],
];
export const plainChar: Rule = set(...plain);

const escapes: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, "\\\\"],
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
]);

/** One character of these as a string of JSON has it: plain where it can be. */
export function charOf(ranges: readonly Range[]): Rule {
  const ways: Rule[] = [];
  const asIs = shared(ranges, plain);
  if (asIs.length > 0) ways.push({ type: "set", ranges: asIs });
  for (const [first, last] of shared(ranges, [
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ])) {
    for (let point = first; point <= last; point++) {
      ways.push(text(escapes.get(point) ?? `\\u${point.toString(16).padStart(4, "0")}`));
    }
  }
  return any(...ways);
}

/** One character, escaped in any way that JSON has; a pair of surrogates is one. */
const anyChar: Rule = any(
  plainChar,
  all(
    text("\\"),
    any(
      set(...chars('"\\/bfnrt')),
      all(
        text("u"),
        any(
          all(set(...chars("0-9a-cA-CefEF")), repeat(set(...hex), 3, 3)),
          all(set(...chars("dD")), set(...chars("0-7")), repeat(set(...hex), 2, 2)),
          all(
            set(...chars("dD")),
            set(...chars("89abAB")),
            repeat(set(...hex), 2, 2),
            text("\\u"),
            set(...chars("dD")),
            set(...chars("c-fC-F")),
            repeat(set(...hex), 2, 2),
          ),
        ),
      ),
    ),
  ),
);

export const char: Rule = ref("char");
export const string: Rule = ref("string");
export const value: Rule = ref("value");
export const object: Rule = ref("object");
export const array: Rule = ref("array");
export const boolean: Rule = any(text("true"), text("false"));

const whole = any(text("0"), all(set(...chars("1-9")), repeat(digit, 0, maxDigits - 1)));
const sign = repeat(text("-"), 0, 1);
export const integer: Rule = all(sign, whole);
export const number: Rule = all(
  sign,
  whole,
  repeat(all(text("."), repeat(digit, 1, maxDigits)), 0, 1),
  repeat(all(set(...chars("eE")), repeat(set(...chars("+-")), 0, 1), repeat(digit, 1, 2)), 0, 1),
);

/** Items between brackets, a comma between two. */
export const list = (open: string, item: Rule, close: string): Rule =>
  all(text(open), any(empty, all(item, repeat(all(comma, item), 0, Number.POSITIVE_INFINITY))), text(close));

/** The rules that those above name. */
export const jsonRules: ReadonlyMap<string, Rule> = new Map([
  ["char", anyChar],
  ["string", all(quote, repeat(char, 0, Number.POSITIVE_INFINITY), quote)],
  ["value", any(text("null"), boolean, number, string, array, object)],
  ["array", list("[", value, "]")],
  ["object", list("{", all(string, colon, value), "}")],
]);
