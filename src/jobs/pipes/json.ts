/** Messages as JSON that Python reads with the types they say. */
import { isJsonObject } from "../../base/json.ts";

/** A text that nobody else has: what stands behind it is a number to be written with a point. */
const mark = `float:${crypto.randomUUID()}:`;
const marked = new RegExp(`"${mark}(-?\\d+)"`, "g");

/**
 * JSON in which a float has a point also where it is round. JavaScript writes 1.0 as `1`, which Python reads as an
 * integer, and Dagster's reader ends at a float that is none: all later messages would be lost.
 */
export const messageJson = (message: object): string =>
  JSON.stringify(message, (_, value: unknown) => {
    if (!isJsonObject(value) || (value.type !== "float" && value.type !== "timestamp")) return value;
    const { raw_value: number } = value;
    // From 1e21 on there is an exponent, which makes a float of it.
    if (typeof number !== "number" || !Number.isInteger(number) || Math.abs(number) >= 1e21) return value;
    return { ...value, raw_value: `${mark}${number}` };
  }).replace(marked, "$1.0");
