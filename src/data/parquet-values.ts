/**
 * Values of Parquet columns as pyarrow gives them to Python, in a form that can be sent between processes. The library
 * that decodes pages is asked for the stored values alone: its own dates have no microseconds and its decimals are
 * doubles.
 */
import type { SchemaElement, SchemaTree } from "hyparquet";
import type { Zones } from "./parquet-zones.ts";
import { float, int, Pair, Scalar, type Value } from "./values.ts";

/** A value on its way: classes do not survive it. */
export type Sent =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Sent[]
  | ReadonlyMap<string, Sent>
  | { readonly float: number }
  | { readonly scalar: readonly [type: string, text: string, repr: string] }
  | { readonly pair: readonly [Sent, Sent] };

/** What was sent. */
export function received(sent: Sent): Value {
  if (typeof sent !== "object" || sent === null) return sent;
  if (Array.isArray(sent)) return sent.map(received);
  if (sent instanceof Map)
    return new Map([...(sent as ReadonlyMap<string, Sent>)].map(([key, one]) => [key, received(one)]));
  if ("float" in sent) return float(sent.float);
  if ("scalar" in sent) return new Scalar(...sent.scalar);
  const [key, value] = (sent as { readonly pair: readonly [Sent, Sent] }).pair;
  return new Pair([received(key), received(value)]);
}

export type Convert = (raw: unknown) => Sent;

const scalar = (type: string, text: string, repr: string): Sent => ({ scalar: [type, text, repr] });
const two = (n: number) => String(n).padStart(2, "0");
const sentFloat = (value: number): Sent => (Number.isInteger(value) ? { float: value } : value);

/** Days since 1970 as year, month, day; undefined outside of the years that Python has. */
function civil(days: number): readonly [number, number, number] | undefined {
  const date = new Date(days * 86_400_000);
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? [year, date.getUTCMonth() + 1, date.getUTCDate()] : undefined;
}

const dayText = ([year, month, day]: readonly [number, number, number]) =>
  `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;

function dayOf(days: number): Sent {
  const date = civil(days);
  return date ? scalar("datetime.date", dayText(date), `datetime.date(${date.join(", ")})`) : days;
}

const perSecond = { MILLIS: 1000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n } as const;
type Unit = keyof typeof perSecond;

/** Hours, minutes, seconds and the fraction of a time of day. */
function clockOf(count: bigint, unit: Unit) {
  const nanos = count * (1_000_000_000n / perSecond[unit]);
  const seconds = Number(nanos / 1_000_000_000n);
  const fraction = Number(nanos % 1_000_000_000n);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60] as const;
  const digits = String(fraction).padStart(9, "0");
  // Python has microseconds; what is finer is printed as pandas does.
  const tail = fraction === 0 ? "" : `.${fraction % 1000 === 0 ? digits.slice(0, 6) : digits}`;
  const micros = Math.floor(fraction / 1000);
  return {
    text: parts.map(two).join(":") + tail,
    // Python leaves out seconds and microseconds that are both zero, and microseconds alone.
    arguments: micros > 0 ? [...parts, micros] : parts[2] > 0 ? parts : parts.slice(0, 2),
  };
}

function timeOf(count: bigint, unit: Unit): Sent {
  const { text, arguments: given } = clockOf(count, unit);
  return scalar("datetime.time", text, `datetime.time(${given.join(", ")})`);
}

interface Zone {
  /** Seconds east of UTC at a moment, given in seconds since 1970. */
  readonly offset: (seconds: number) => number;
  readonly repr: string;
}

const fixed = /^([+-])(\d\d):?(\d\d)$/;

/** How Python's zone of this name behaves; UTC where nobody here knows it. */
export function zoneOf(name: string): Zone {
  const [, sign, hours, minutes] = fixed.exec(name) ?? [];
  if (sign !== undefined) {
    const seconds = (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
    const days = seconds < 0 ? "days=-1, " : "";
    const rest = seconds < 0 ? seconds + 86_400 : seconds;
    const delta = rest === 0 ? "0" : `${days}seconds=${rest}`;
    return { offset: () => seconds, repr: `datetime.timezone(datetime.timedelta(${delta}))` };
  }
  const repr = `zoneinfo.ZoneInfo(key='${name}')`;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset", year: "numeric" });
  } catch {
    return { offset: () => 0, repr: "zoneinfo.ZoneInfo(key='UTC')" };
  }
  // Offsets change on quarters of an hour.
  const known = new Map<number, number>();
  const offset = (seconds: number): number => {
    const quarter = Math.floor(seconds / 900);
    let found = known.get(quarter);
    if (found === undefined) {
      const shown = format.formatToParts(quarter * 900_000).find(({ type }) => type === "timeZoneName")?.value ?? "";
      const [, side, h = "0", m = "0", s = "0"] = /GMT([+-])(\d+)(?::(\d+))?(?::(\d+))?/.exec(shown) ?? [];
      found = (side === "-" ? -1 : 1) * (Number(h) * 3600 + Number(m) * 60 + Number(s));
      if (known.size < 100_000) known.set(quarter, found);
    }
    return found;
  };
  return { offset: name === "UTC" ? () => 0 : offset, repr };
}

function offsetText(seconds: number): string {
  const size = Math.abs(seconds);
  const tail = size % 60 === 0 ? "" : `:${two(size % 60)}`;
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${tail}`;
}

function momentOf(count: bigint, unit: Unit, zone: Zone | undefined): Sent {
  const per = perSecond[unit];
  const floored = count >= 0n ? count / per : -((-count + per - 1n) / per);
  const shift = zone?.offset(Number(floored)) ?? 0;
  const local = count + BigInt(shift) * per;
  const day = 86_400n * per;
  const days = local >= 0n ? local / day : -((-local + day - 1n) / day);
  const date = civil(Number(days));
  if (!date) return int(count) as number | bigint;
  const clock = clockOf(local - days * day, unit);
  const zoned = zone === undefined ? "" : offsetText(shift);
  const given = [...date, ...clock.arguments].join(", ");
  const tail = zone === undefined ? "" : `, tzinfo=${zone.repr}`;
  return scalar("datetime.datetime", `${dayText(date)} ${clock.text}${zoned}`, `datetime.datetime(${given}${tail})`);
}

/** Python's Decimal: plain digits, or with an exponent where more than five zeros would follow the point. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  const exponent = digits.length - 1 - scale;
  if (scale < 0 || exponent < -6) {
    const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    return `${sign}${mantissa}E${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
  }
  if (scale === 0) return sign + digits;
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** A whole number stored big-endian, in two's complement. */
function wholeOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

function bytesRepr(bytes: Uint8Array): string {
  const quote = bytes.includes(39) && !bytes.includes(34) ? '"' : "'";
  const short: { readonly [byte: number]: string } = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };
  let out = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    if (char === quote) out += `\\${char}`;
    else if (short[byte] !== undefined) out += short[byte];
    else out += byte >= 32 && byte < 127 ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `b${quote}${out}${quote}`;
}

function halfOf(bytes: Uint8Array): number {
  const bits = (bytes[1]! << 8) | bytes[0]!;
  const sign = bits >> 15 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return (sign * 2 ** -14 * fraction) / 1024;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

function uuidOf(bytes: Uint8Array): Sent {
  const hex = Buffer.from(bytes).toString("hex");
  const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  return scalar("uuid.UUID", text, `UUID('${text}')`);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts of byte arrays; a dictionary's entries are decoded once. */
function texts(name: string): (bytes: Uint8Array) => string {
  const known = new WeakMap<Uint8Array, string>();
  return (bytes) => {
    let text = known.get(bytes);
    if (text === undefined) {
      try {
        text = decoder.decode(bytes);
      } catch {
        throw new Error(`the column ${JSON.stringify(name)} holds bytes that are not UTF-8`);
      }
      known.set(bytes, text);
    }
    return text;
  };
}

/** A stored value is of its column's type, or the file contradicts itself. */
function stored<T>(is: (raw: unknown) => boolean, convert: (raw: T) => Sent): Convert {
  return (raw) => {
    if (!is(raw)) throw new Error("a value that is not of its column's type");
    return convert(raw as T);
  };
}
const ofNumber = (convert: (raw: number) => Sent) => stored((raw) => typeof raw === "number", convert);
const ofBigint = (convert: (raw: bigint) => Sent) => stored((raw) => typeof raw === "bigint", convert);
const ofBytes = (convert: (raw: Uint8Array) => Sent) => stored((raw) => raw instanceof Uint8Array, convert);
const ofWhole = (convert: (raw: bigint) => Sent) =>
  stored<number | bigint>(
    (raw) => typeof raw === "bigint" || Number.isSafeInteger(raw),
    (raw) => convert(BigInt(raw)),
  );

/** The conversion of a column's values, which are none of them null. */
function leaf(element: SchemaElement, zones: Zones | undefined): Convert {
  const { type, converted_type: kind, logical_type: logical, name } = element;
  if (kind === "DECIMAL" || logical?.type === "DECIMAL") {
    const scale = element.scale ?? (logical?.type === "DECIMAL" ? logical.scale : 0);
    // The longest that Arrow has is 76 digits; a scale out of a damaged file would be as many zeros.
    if (!(Math.abs(scale) <= 1000)) throw new Error(`a scale of ${scale}`);
    const decimal = (value: bigint): Sent => {
      const text = decimalText(value, scale);
      return scalar("decimal.Decimal", text, `Decimal('${text}')`);
    };
    return type === "INT32" || type === "INT64" ? ofWhole(decimal) : ofBytes((raw) => decimal(wholeOf(raw)));
  }
  if (kind === "DATE" || logical?.type === "DATE") return ofNumber(dayOf);
  if (logical?.type === "TIME" || kind === "TIME_MILLIS" || kind === "TIME_MICROS") {
    const unit = logical?.type === "TIME" ? logical.unit : kind === "TIME_MILLIS" ? "MILLIS" : "MICROS";
    return ofWhole((raw) => timeOf(raw, unit));
  }
  if (type === "INT96") return ofBigint((raw) => momentOf(raw, "NANOS", undefined));
  if (logical?.type === "TIMESTAMP" || kind === "TIMESTAMP_MILLIS" || kind === "TIMESTAMP_MICROS") {
    const unit = logical?.type === "TIMESTAMP" ? logical.unit : kind === "TIMESTAMP_MILLIS" ? "MILLIS" : "MICROS";
    const utc = logical?.type !== "TIMESTAMP" || logical.isAdjustedToUTC;
    const zone = utc ? zoneOf(zones?.zone ?? "UTC") : undefined;
    return ofBigint((raw) => momentOf(raw, unit, zone));
  }
  if (logical?.type === "FLOAT16") return ofBytes((raw) => sentFloat(halfOf(raw)));
  if (logical?.type === "UUID") return ofBytes(uuidOf);
  const isText =
    ["UTF8", "ENUM", "JSON"].includes(kind ?? "") || ["STRING", "ENUM", "JSON"].includes(logical?.type ?? "");
  if (isText) return ofBytes(texts(name));
  if (type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY") {
    return ofBytes((raw) => {
      const repr = bytesRepr(raw);
      return scalar("bytes", repr, repr);
    });
  }
  if (type === "FLOAT" || type === "DOUBLE") return ofNumber(sentFloat);
  const unsigned = /^UINT_/.test(kind ?? "") || (logical?.type === "INTEGER" && !logical.isSigned);
  if (type === "INT64") return ofBigint((raw) => int(unsigned ? BigInt.asUintN(64, raw) : raw));
  if (type === "INT32") return ofNumber((raw) => (unsigned ? raw >>> 0 : raw));
  return stored<boolean>(
    (raw) => typeof raw === "boolean",
    (raw) => raw,
  );
}

const annotated = ({ converted_type, logical_type }: SchemaElement, name: "LIST" | "MAP"): boolean =>
  converted_type === name || logical_type?.type === name;

/** Whether the library makes a plain list of a group; it keeps the group's inner name otherwise. */
const isList = ({ element, children: [inner, ...more] }: SchemaTree): boolean =>
  annotated(element, "LIST") &&
  more.length === 0 &&
  inner !== undefined &&
  inner.children.length <= 1 &&
  inner.element.repetition_type === "REPEATED";

const isMap = ({ element, children: [inner, ...more] }: SchemaTree): boolean =>
  (annotated(element, "MAP") || element.converted_type === "MAP_KEY_VALUE") &&
  more.length === 0 &&
  inner?.element.repetition_type === "REPEATED" &&
  inner.children.length === 2;

const listOf =
  (each: Convert): Convert =>
  (raw) =>
    Array.isArray(raw) ? raw.map(each) : null;
const member = (raw: unknown, name: string): unknown => (raw as Readonly<Record<string, unknown>>)[name];

/** How the values of a column become those of Python. @param repeated whether this is what a list repeats */
export function converter(tree: SchemaTree, zones: Zones | undefined, repeated = false): Convert {
  const { element, children } = tree;
  if (element.repetition_type === "REPEATED" && !repeated) return listOf(converter(tree, zones, true));
  if (children.length === 0) {
    const convert = leaf(element, zones);
    return (raw) => (raw == null ? null : convert(raw));
  }
  const [inner] = children as [SchemaTree];
  const innerZones = (child: SchemaTree, index: number) =>
    zones?.fields.get(child.element.name) ?? [...(zones?.fields.values() ?? [])][index];
  if (isList(tree)) {
    // Arrow's list has one field, the item; Parquet's has a group around it.
    if (inner.children.length === 0) return listOf(converter(inner, innerZones(inner, 0), true));
    return listOf(converter(inner.children[0]!, innerZones(inner, 0)));
  }
  if (isMap(tree)) {
    const entry = innerZones(inner, 0);
    const [key, value] = inner.children.map((child, i) => {
      const own = entry?.fields.get(child.element.name) ?? [...(entry?.fields.values() ?? [])][i];
      return [child.element.name, converter(child, own)] as const;
    }) as unknown as readonly [readonly [string, Convert], readonly [string, Convert]];
    const pairs = listOf((raw) => ({ pair: [key[1](member(raw, key[0])), value[1](member(raw, value[0]))] }));
    return (raw) => (raw == null ? null : pairs(member(raw, inner.element.name)));
  }
  const fields = children.map((child, i) => [child.element.name, converter(child, innerZones(child, i))] as const);
  const struct: Convert = (raw) =>
    typeof raw === "object" && raw !== null ? new Map(fields.map(([name, of]) => [name, of(member(raw, name))])) : null;
  // A list of groups in the old way: its repeated group is the item.
  if (annotated(element, "LIST") && children.length === 1 && inner.element.repetition_type === "REPEATED") {
    const items = fields[0]![1];
    return (raw) => (raw == null ? null : items(member(raw, inner.element.name)));
  }
  return struct;
}

/** The schema with nothing in it that makes the library convert a value. */
export function storedSchema(schema: readonly SchemaElement[]): SchemaElement[] {
  return schema.map((element) => {
    const { type, type_length, repetition_type, name, num_children } = element;
    return {
      name,
      ...(type === undefined ? {} : { type }),
      ...(type_length === undefined ? {} : { type_length }),
      ...(repetition_type === undefined ? {} : { repetition_type }),
      ...(num_children === undefined ? {} : { num_children }),
      ...(type === undefined && annotated(element, "LIST") ? { converted_type: "LIST" as const } : {}),
    };
  });
}
