/**
 * Time zones of timestamp columns. Parquet knows only whether a timestamp is in UTC; Arrow's own schema, which its
 * writers put into the file's metadata as a FlatBuffer, names the zone in which Python then prints it.
 * Layout: https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */

/** A zone, and those of the fields within. */
export interface Zones {
  readonly zone: string | undefined;
  readonly fields: ReadonlyMap<string, Zones>;
}

const timestampType = 10;
const deepest = 64;

/** Fields of a table in a FlatBuffer, by number. Reading outside of the bytes throws a RangeError. */
function tableAt(view: DataView, at: number) {
  const vtable = at - view.getInt32(at, true);
  const size = view.getUint16(vtable, true);
  const place = (field: number): number | undefined => {
    const entry = 4 + 2 * field;
    const offset = entry + 2 <= size ? view.getUint16(vtable + entry, true) : 0;
    return offset === 0 ? undefined : at + offset;
  };
  const target = (field: number): number | undefined => {
    const from = place(field);
    return from === undefined ? undefined : from + view.getUint32(from, true);
  };
  return {
    byte: (field: number): number => {
      const from = place(field);
      return from === undefined ? 0 : view.getUint8(from);
    },
    table: (field: number) => {
      const to = target(field);
      return to === undefined ? undefined : tableAt(view, to);
    },
    text: (field: number): string | undefined => {
      const to = target(field);
      if (to === undefined) return undefined;
      const bytes = new Uint8Array(view.buffer, view.byteOffset + to + 4, view.getUint32(to, true));
      return new TextDecoder().decode(bytes);
    },
    *tables(field: number) {
      const to = target(field);
      const count = to === undefined ? 0 : view.getUint32(to, true);
      for (let i = 0, from = to! + 4; i < count; i++, from += 4) yield tableAt(view, from + view.getUint32(from, true));
    },
  };
}

type Table = ReturnType<typeof tableAt>;

function zonesOf(field: Table, depth: number): Zones {
  // Field: name, nullable, type_type, type, dictionary, children. Timestamp: unit, timezone.
  const zone = field.byte(2) === timestampType ? field.table(3)?.text(1) : undefined;
  return { zone: zone || undefined, fields: fieldsOf(field, 5, depth + 1) };
}

function fieldsOf(table: Table, field: number, depth = 0): ReadonlyMap<string, Zones> {
  if (depth > deepest) return new Map();
  return new Map([...table.tables(field)].map((one) => [one.text(0) ?? "", zonesOf(one, depth)]));
}

/** @param base64 the metadata's value under `ARROW:schema`; what cannot be read of it names no zones */
export function arrowZones(base64: string | undefined): ReadonlyMap<string, Zones> {
  if (base64 === undefined) return new Map();
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    // An encapsulated message: a continuation mark, its length, then Message: version, header_type, header.
    const start = view.getUint32(0, true) === 0xffffffff ? 8 : 4;
    const schema = tableAt(view, start + view.getUint32(start, true)).table(2);
    // Schema: endianness, fields.
    return schema ? fieldsOf(schema, 1) : new Map();
  } catch {
    return new Map();
  }
}
