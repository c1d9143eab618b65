/**
 * Doubles as decimals, rounded as C and Python do it: to the nearest, and exactly between two to the even one.
 * JavaScript's toFixed and toExponential are exact too, but take ties away from zero.
 */

/** Whether the exact digits after the kept ones are a 5 and nothing else: no double has 30 zeros and then more. */
const isTie = (exact: string, kept: number): boolean => /^50*$/.test(exact.slice(exact.indexOf(".") + 1 + kept));

/** One less in the last place of a number's text, sign and point kept. */
function stepBack(text: string): string {
  const point = text.indexOf(".");
  const decimals = point < 0 ? 0 : text.length - point - 1;
  const sign = text.startsWith("-") ? "-" : "";
  const digits = (BigInt(text.replace(/[-.]/g, "")) - 1n).toString().padStart(decimals + 1, "0");
  return sign + (decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`);
}

const odd = (text: string): boolean => Number(text.at(-1)) % 2 === 1;

/** `%.{digits}f`, for finite values below 1e21 and at most 70 digits. */
export function fixedText(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return odd(text) && isTie(Math.abs(value).toFixed(digits + 30), digits) ? stepBack(text) : text;
}

/** Mantissa with this many digits after the point, and the exponent. */
export function exponentialText(value: number, digits: number): { mantissa: string; exponent: number } {
  const parts = (text: string) => text.split("e") as [string, string];
  const [mantissa, exponent] = parts(value.toExponential(digits));
  const [exact, same] = parts(Math.abs(value).toExponential(digits + 30));
  const tie = same === exponent && odd(mantissa) && isTie(exact, digits);
  return { mantissa: tie ? stepBack(mantissa) : mantissa, exponent: Number(exponent) };
}
