import fc from "fast-check";
import { expect, test } from "vitest";
import { fragmentOf, readFragment } from "./fragment.ts";

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });

test("what a link is made of is what is read from it", () => {
  const shared = fc.record(
    {
      prompt: text,
      choices: text,
      template: text,
      model: text,
      fields: fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), text, {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
      settings: fc.record({ temperature: fc.integer({ min: 0, max: 2 }), topK: fc.nat(100) }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom("ask", "chat"), shared, (panel, given) => {
      expect(readFragment(fragmentOf(panel, given))).toEqual({ panel, shared: given });
    }),
  );
});

test("a link holds nothing that it has no place for", () => {
  const given = { prompt: "a", key: "secret", serverKey: "secret" } as Parameters<typeof fragmentOf>[1];
  expect(fragmentOf("ask", given)).toBe("#ask?prompt=a");
  expect(readFragment("#ask?key=secret&prompt=a&temperature=hot").shared).toEqual({ prompt: "a" });
});
