import { expect, test } from "vitest";
import { z } from "zod";
import { schemaIssue } from "./schema-issue.ts";

const schema = z.strictObject({
  colour: z.string(),
  size: z.number().default(1),
  frame: z.strictObject({ width: z.number(), glass: z.boolean().optional() }).optional(),
  ink: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("oil"), drying: z.number().optional() }),
    z.strictObject({ kind: z.literal("water"), paper: z.string().optional() }),
  ]),
  layers: z
    .array(z.union([z.string(), z.strictObject({ name: z.string(), opacity: z.number().optional() })]))
    .optional(),
});
const ink = { kind: "oil" };

test.each<[string, unknown, string, string | undefined]>([
  // Without its "colour" the file lacks a key, too: the misspelt one is what to say.
  ["at the top", { color: "red", ink }, 'the file: unknown key "color"', 'did you mean "colour"?'],
  ["deeper", { colour: "red", ink, frame: { widht: 2 } }, 'frame: unknown key "widht"', 'did you mean "width"?'],
  [
    "in a choice",
    { colour: "red", ink: { kind: "water", papper: "x" } },
    'ink: unknown key "papper"',
    'did you mean "paper"?',
  ],
  [
    "in a list of either",
    { colour: "red", ink, layers: [{ name: "sky", opacitty: 1 }] },
    'layers.0: unknown key "opacitty"',
    'did you mean "opacity"?',
  ],
  ["like no other", { colour: "red", ink, zebra: 1 }, 'the file: unknown key "zebra"', undefined],
  ["no key at all", { colour: 1, ink }, "colour: Invalid input: expected string, received number", undefined],
])("%s", (_, json, what, hint) => {
  const { error } = schema.safeParse(json);
  expect(schemaIssue(error!, schema, "the file")).toEqual({ what, hint });
});
