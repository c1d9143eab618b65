import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptsRule, acceptsSchema } from "../../../../test/support/accepts.ts";
import { numberRule } from "../numbers.ts";

const person = {
  type: "object",
  properties: { name: { type: "string", maxLength: 20 }, age: { type: "integer", minimum: 0, maximum: 120 }, tags: {} },
  required: ["name", "age"],
};

describe("texts that fit a schema, and texts that do not", () => {
  test.each<[schema: unknown, yes: readonly string[], no: readonly string[]]>([
    [
      person,
      ['{"name":"Ana","age":0}', '{"name": "Ana", "age": 120, "tags": [null]}'],
      ['{"name":"Ana"}', '{"age":1,"name":"Ana"}', '{"name":"Ana","age":121}', '{"name":"Ana","age":1,"x":1}', "{ }"],
    ],
    [
      true,
      ["null", '{"a":[1,{"b":""}]}', "-0.5e+10", '"\\ud83d\\ude00"'],
      ["", "nul", '"\\ud83d"', "01", "[1,]", '"\n"', " 1"],
    ],
    [{ type: ["integer", "null"] }, ["null", "-12", "0"], ["1.0", "true", "-", "00"]],
    [{ enum: ["a", 1, null, { b: [] }] }, ['"a"', "1", "null", '{"b":[]}'], ['"b"', "2", "{}"]],
    [{ type: "string", enum: ["a", 1] }, ['"a"'], ["1"]],
    [{ type: "string", minLength: 2, maxLength: 3 }, ['"éa"', '"🙂🙂"', '"\\u00e9\\ud83d\\ude00"'], ['"é"', '"abcd"']],
    [{ type: "string", pattern: 'a"b' }, ['"xa\\"by"'], ['"a"b"', '"ab"']],
    [{ type: "string", pattern: "^[a-z]+$", maxLength: 3 }, ['"abc"'], ['""', '"abcd"']],
    [{ type: "string", format: "date" }, ['"2024-02-28"', '"1999-12-31"'], ['"2024-02-30"', '"2024-13-01"']],
    [
      { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 2 },
      ["[1]", "[1, 2]"],
      ["[]", "[1,2,3]", "[1 ,2]"],
    ],
    [
      { type: "array", prefixItems: [{ const: 1 }, { const: 2 }], items: false },
      ["[]", "[1]", "[1,2]"],
      ["[2]", "[1,2,3]"],
    ],
    [{ type: "array", prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 2 }, ["[1,2,2]"], ["[1]", "[1,1]"]],
    [
      { type: "object", properties: { a: { const: 1 } }, additionalProperties: { const: 2 } },
      ['{"a":1,"b":2}', '{"ab":2,"":2}', "{}"],
      ['{"a":1,"a":2}', '{"a":2}', '{"a":1,"\\u0061":2}', '{"b":1}'],
    ],
    [{ type: "object", additionalProperties: { const: 2 }, minProperties: 1, maxProperties: 2 }, ['{"b":2}'], ["{}"]],
    [{ anyOf: [{ const: 1 }, { type: "string", maxLength: 1 }], description: "x" }, ["1", '"a"'], ["2", '"ab"']],
    [
      {
        allOf: [{ properties: { a: { type: "integer" } }, required: ["a"] }, { properties: { a: { minimum: 5 } } }],
        type: "object",
      },
      ['{"a":5}'],
      ['{"a":4}', "{}"],
    ],
    [
      { type: "object", allOf: [{ properties: { a: {} }, additionalProperties: false }, { properties: { b: {} } }] },
      ['{"a":1}', "{}"],
      ['{"b":1}'],
    ],
    [
      {
        oneOf: [
          { type: "object", properties: { kind: { const: "x" }, n: { type: "integer" } }, required: ["kind", "n"] },
          { type: "object", properties: { kind: { const: "y" } }, required: ["kind"] },
        ],
      },
      ['{"kind":"x","n":1}', '{"kind":"y"}'],
      ['{"kind":"x"}', '{"kind":"y","n":1}'],
    ],
    [
      {
        $ref: "#/$defs/tree",
        $defs: {
          tree: {
            type: "object",
            properties: { to: { type: "array", items: { $ref: "#/$defs/tree" } } },
            required: ["to"],
          },
        },
      },
      ['{"to":[{"to":[]},{"to":[]}]}'],
      ['{"to":[{}]}'],
    ],
    [{ type: "object", properties: { x: { $ref: "#" } } }, ['{"x":{"x":{}}}'], ['{"x":1}']],
  ])("%j", (schema, yes, no) => {
    const accepts = acceptsSchema(schema);
    for (const text of yes) {
      expect(accepts(text), text).toBe(true);
      JSON.parse(text);
    }
    for (const text of no) expect(accepts(text), text).toBe(false);
  });

  test("numbers between any bounds, compared with numbers", () => {
    const bound = fc.option(
      fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(-0.5, 1.25, -99.875, 0.001)),
      {
        nil: undefined,
      },
    );
    const some = fc.array(
      fc.oneof(
        fc.integer({ min: -400, max: 400 }).map(String),
        fc.tuple(fc.integer({ min: -400, max: 400 }), fc.integer({ min: 0, max: 999 })).map(([a, b]) => `${a}.${b}`),
        fc.constantFrom(
          "1.25",
          "1.250",
          "1.2500001",
          "1.249999",
          "-0.5",
          "-0.499",
          "0.001",
          "0.0009",
          "-99.875",
          "-99.876",
        ),
      ),
      { minLength: 10, maxLength: 30 },
    );
    fc.assert(
      fc.property(
        bound,
        bound,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        some,
        (min, max, minOpen, maxOpen, whole, texts) => {
          // Some whole number lies between them, also where neither of them is one.
          fc.pre(min === undefined || max === undefined || Math.ceil(min) + 1 < Math.floor(max));
          const accepts = acceptsRule(numberRule({ min, max, minOpen, maxOpen }, whole, "#"));
          for (const text of texts) {
            const value = Number(text);
            const within =
              (min === undefined || value > min || (!minOpen && value === min)) &&
              (max === undefined || value < max || (!maxOpen && value === max));
            // A minus before zero is left out where there are bounds.
            if (Object.is(value, -0) || (text.startsWith("-0") && value === 0)) continue;
            const places = text.split(".")[1]?.length ?? 0;
            if (places <= 6) expect(accepts(text), text).toBe(within && !(whole && text.includes(".")));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("what is no schema, or not done, is refused with its place", () => {
  test.each<[schema: unknown, message: string | RegExp]>([
    [{ properties: { a: { not: {} } } }, '#/properties/a: the keyword "not" is not done here'],
    [{ typ: "object" }, '#: the keyword "typ" is not done here'],
    [{ properties: { a: { if: {} } } }, '#/properties/a: the keyword "if" is not done here'],
    [{ patternProperties: {} }, '#: the keyword "patternProperties" is not done here'],
    [
      { type: "strin" },
      '#/type: must be one of null, boolean, number, string, array, object, integer, or a list of them, got a string "\\"strin\\""',
    ],
    [{ minLength: -1 }, '#/minLength: must be a whole number from 0, got a number "-1"'],
    [{ items: [{}] }, '#/items: must be a schema (an object, true or false), got an array "[{}]"'],
    [
      { $defs: { "a/b": { enum: [] } }, $ref: "#/$defs/a~1b" },
      '#/$defs/a~1b/enum: must be a list of values, not empty, got an array "[]"',
    ],
    [{ $ref: "#/$defs/x" }, '#/$ref: refers to "#/$defs/x", which is not there'],
    [{ $ref: "https://example.org/s.json" }, '#/$ref: refers to "https://example.org/s.json", which is not there'],
    [{ type: "array", uniqueItems: true }, "#/uniqueItems: uniqueItems is not done here"],
    [{ multipleOf: 0.01 }, "#/multipleOf: multipleOf other than 1 is not done here"],
    [{ type: "string", format: "iri" }, '#/format: format "iri" is not done here'],
    [
      { type: "string", pattern: "(?=a)" },
      '#/pattern: looking around, or a group with options, in the pattern "(?=a)"',
    ],
    [{ type: "string", pattern: "a(" }, /^#\/pattern: .*in the pattern "a\("$/],
    [
      { type: "string", pattern: "(a|bc)+", maxLength: 3 },
      "#/pattern: pattern beside minLength or maxLength is not done here",
    ],
    [
      { oneOf: [{ type: "integer" }, { type: "number" }] },
      "#/oneOf: oneOf with cases that may hold together is not done here",
    ],
    [{ type: "array", minItems: 1e9 }, "#/minItems: minItems is 1000000000; up to 100000 is done here"],
    [{ type: "integer", minimum: 3, maximum: 2 }, "no text fits the schema or grammar"],
    [{ type: "object", required: ["a"], additionalProperties: false }, "no text fits the schema or grammar"],
    [{ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }, "no text fits the schema or grammar"],
    [{ $ref: "#" }, "#: references lead in a circle"],
    [{ allOf: [{ $ref: "#" }] }, "#/allOf/0: schemas refer to each other in a circle, or are nested too deeply"],
    ["object", "schema: a schema is an object, true or false, got a string"],
    [null, "schema: a schema is an object, true or false, got null"],
    [false, "#: false: no value fits"],
  ])("%j", (schema, message) => {
    expect(() => acceptsSchema(schema)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^(?:bad_input|unsupported)$/),
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });

  test("a value that contains itself is no JSON", () => {
    const schema: Record<string, unknown> = {};
    schema.properties = { a: schema };
    expect(() => acceptsSchema(schema)).toThrow(/the schema is no JSON/);
  });
});
