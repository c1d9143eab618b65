/** Random JSON schemas of what is done, as fast-check draws them. */
import fc from "fast-check";

const name = fc.constantFrom("a", "b", "name", "näme", 'q"uote', "");
const small = fc.integer({ min: 0, max: 4 });
const values = fc.constantFrom<unknown>(null, true, 0, -3.5, "", "a", 'é"\n', "🙂");

const between = (low: string, high: string) =>
  fc.tuple(small, small).map(([a, b]) => ({ [low]: Math.min(a, b), [high]: Math.max(a, b) }));

const numbers = fc.tuple(
  fc.constantFrom("integer", "number"),
  fc.option(fc.constantFrom(-1000, -20, -1.5, 0, 0.25, 7), { nil: undefined }),
  fc.option(fc.constantFrom(7.5, 12, 99.125, 120, 100000), { nil: undefined }),
  fc.boolean(),
);
const patterns = fc.constantFrom("^[a-c]{2,3}$", "b", '^["\\\\\\n]+$', "^(x|yz)*é$", "^\\d{3}-\\w+$", "[^a]$", "^.$");

export const randomSchema: fc.Arbitrary<object | boolean> = fc.letrec<{ schema: object | boolean }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant({ type: "null" }),
    fc.constant({ type: "boolean" }),
    fc.constant(true),
    fc
      .uniqueArray(values, { minLength: 1, maxLength: 4, selector: (one) => JSON.stringify(one) })
      .map((list) => ({ enum: list })),
    values.map((one) => ({ const: one })),
    numbers.map(([type, min, max, open]) => ({
      type,
      ...(min === undefined ? {} : { [open ? "exclusiveMinimum" : "minimum"]: min }),
      ...(max === undefined ? {} : { [open ? "exclusiveMaximum" : "maximum"]: max }),
    })),
    fc.constant({ type: "string" }),
    between("minLength", "maxLength").map((lengths) => ({ type: "string", ...lengths })),
    patterns.map((pattern) => ({ type: "string", pattern })),
    fc.constantFrom("date", "time", "date-time", "uuid", "ipv4", "email").map((format) => ({ type: "string", format })),
    fc
      .tuple(tie("schema"), between("minItems", "maxItems"))
      .map(([items, counts]) => ({ type: "array", items, ...counts })),
    fc
      .tuple(fc.array(tie("schema"), { minLength: 1, maxLength: 3 }), fc.boolean(), small)
      .map(([prefixItems, open, minItems]) => ({
        type: "array",
        prefixItems,
        items: open,
        minItems: open ? minItems : Math.min(minItems, prefixItems.length),
      })),
    fc
      .tuple(
        fc.dictionary(name, tie("schema"), { maxKeys: 4 }),
        fc.uniqueArray(name, { maxLength: 2 }),
        fc.option(tie("schema"), { nil: undefined }),
      )
      .map(([properties, required, additionalProperties]) => ({
        type: "object",
        properties,
        required: additionalProperties === false ? required.filter((one) => one in properties) : required,
        ...(additionalProperties === undefined ? {} : { additionalProperties }),
      })),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((allOf) => ({ allOf })),
    fc.constant({ type: ["string", "null"], maxLength: 3 }),
  ),
})).schema;
