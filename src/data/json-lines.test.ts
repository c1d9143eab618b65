/** Lines, characters and ids of JSON Lines. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ZerothError } from "../errors.ts";
import { idOf, plainRow } from "./cli-rows-node.ts";
import { jsonLineRows, linesIn, linesOf } from "./json-lines.ts";
import { RawJson, rowText } from "./raw-json.ts";
import { decodeUtf8, invalidUtf8At, utf8Texts, wholeText } from "./utf8.ts";
import { rowFromJson, rowFromObject } from "./values.ts";

async function* inPieces(bytes: Uint8Array, size = bytes.length) {
  // Whoever gives pieces may use their memory again.
  const piece = new Uint8Array(size);
  for (let i = 0; i < bytes.length; i += size) {
    const part = bytes.subarray(i, i + size);
    piece.fill(0x21);
    piece.set(part);
    yield piece.subarray(0, part.length);
  }
}
async function read(content: string | Uint8Array, size?: number) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const rows: unknown[] = [];
  for await (const row of jsonLineRows(inPieces(bytes, size), "x")) {
    rows.push(row instanceof ZerothError ? `${row.code} ${row.message}` : plainRow(row));
  }
  return rows;
}

test("lines end at LF and nowhere else, whatever the pieces", async () => {
  const text = '\uFEFF{"a":"1\u2028\u2029\u0085"}\r\n\n  \t\r\n{"a":"ü"}\n{"a":3}';
  for (const size of [1, 2, 3, 4, 7, 100]) {
    expect(await read(text, size)).toEqual([{ a: "1\u2028\u2029\u0085" }, { a: "ü" }, { a: 3 }]);
  }
});

test("what is no row is an error in its place", async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"a":1}\n[2]\nnull\n{"a":\n\n'),
    Buffer.from([0x7b, 0xff]),
    Buffer.from('}\n{"a":7}\n'),
  ]);
  for (const size of [1, 5, 1000]) {
    const rows = await read(bytes, size);
    expect(rows).toHaveLength(6);
    expect(rows.slice(1, 5)).toEqual([
      "bad_input x, line 2: expected an object, got a list",
      "bad_input x, line 3: expected an object, got null",
      expect.stringMatching(/^bad_input x, line 4: not valid JSON/),
      "bad_input x, line 6: byte 26 (0xff) is not UTF-8",
    ]);
    expect(rows[5]).toEqual({ a: 7 });
  }
});

test.each([
  ["little", Buffer.from('\uFEFF{"a":1}\n', "utf16le")],
  ["big", Buffer.from('\uFEFF{"a":1}\n', "utf16le").swap16()],
])("UTF-16, %s endian, is named as such", async (_, bytes) => {
  for (const size of [1, 100]) {
    await expect(read(bytes, size)).rejects.toMatchObject({ code: "bad_input", message: "x: is UTF-16 text" });
  }
  expect(() => wholeText(bytes, "x")).toThrow("x: is UTF-16 text");
});

test("a line that is too long ends the reading, not the memory", async () => {
  async function* endless() {
    const piece = new Uint8Array(4 << 20).fill(32);
    for (;;) yield piece;
  }
  const read = async () => {
    for await (const _ of linesOf(endless(), "x"));
  };
  await expect(read()).rejects.toMatchObject({ code: "too_long", message: expect.stringContaining("line 1") });
});

test("lines of whole bytes are those of the stream", async () => {
  const content = fc.string({ unit: fc.constantFrom("a", "\n", "\r", " ", "é"), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 1, max: 9 }), async (text, size) => {
      const bytes = new TextEncoder().encode(text);
      const shown = ({ bytes: line, at }: { bytes: Uint8Array; at: number }) => [at, Buffer.from(line).toString()];
      const streamed: unknown[] = [];
      for await (const lines of linesOf(inPieces(bytes, size), "x")) streamed.push(...lines.map(shown));
      expect(streamed).toEqual(linesIn(bytes, 0).map(shown));
    }),
  );
});

test("the first byte that is not UTF-8 is where the decoder stops", () => {
  const bytes = fc.uint8Array({ maxLength: 12 });
  const near = fc.array(
    fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xf0, 0x90, 0xf4, 0x8f, 0xf5),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        near.map((list) => Uint8Array.from(list)),
      ),
      (given) => {
        const place = invalidUtf8At(given);
        const valid = place < 0 ? given : given.subarray(0, place);
        expect(decodeUtf8(valid, "x")).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(valid));
        if (place >= 0) expect(() => decodeUtf8(given, "x", 100)).toThrow(`x: byte ${101 + place} `);
      },
    ),
    { numRuns: 2000 },
  );
});

test("texts in pieces are whole characters", async () => {
  const bytes = new TextEncoder().encode("\uFEFFaé€😀\uFEFFz");
  for (const size of [1, 2, 3, 4, 5, 50]) {
    let text = "";
    for await (const part of utf8Texts(inPieces(bytes, size), "x")) text += part;
    expect(text).toBe("aé€😀\uFEFFz");
  }
  expect(wholeText(bytes, "x")).toBe("aé€😀\uFEFFz");
  expect(() => wholeText(bytes.subarray(0, 8), "x")).toThrow("x: byte 7 (0xe2) is not UTF-8");
  const cut = async () => {
    for await (const _ of utf8Texts(inPieces(bytes.subarray(0, 8), 2), "x"));
  };
  await expect(cut()).rejects.toThrow("x: byte 7 (0xe2) is not UTF-8");
});

test.each([
  "12345678901234567890",
  "9007199254740993",
  "1.0",
  "1e3",
  "-0",
  "0.10",
  '{"a": 12345678901234567890}',
  "[1.0]",
])("the id %s comes back as it was written", (id) => {
  for (const spaces of ["", " \t"]) {
    const row = rowFromJson(`{"id":${spaces}${id}${spaces},"text":"a"}`);
    expect(rowText({ id: idOf(row), error: undefined, text: "b" })).toBe(`{"id":${id},"text":"b"}`);
  }
});

test("ids that JSON and this language write alike stay values; the last of two counts", () => {
  for (const id of [7, "7", 0.5, true, null, [1, "a"], { a: 1 }]) {
    const row = rowFromJson(JSON.stringify({ id }));
    expect(idOf(row)).toEqual(id);
  }
  expect(idOf(rowFromJson('{"id":1.0,"id":2}'))).toBe(2);
  expect(idOf(rowFromJson('{"a":{"id":5}}'))).toBeUndefined();
  expect(idOf(rowFromJson('{"id":NaN}'))).toBeNull();
  // Rows that were never JSON.
  expect(idOf(rowFromObject({ id: 2n ** 60n }))).toEqual(new RawJson("1152921504606846976"));
});
