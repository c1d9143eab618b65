/** The mixture file: which data, in which words, in which shares. Every key checked, unknown keys refused. */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import { fail } from "../errors.ts";

const count = z.number().int().positive();
const files = z.union([z.string(), z.array(z.string()).min(1)]);

const rule = z.strictObject({
  name: z.enum(["t0", "proportional", "equal"]),
  /** Greatest rate of a data set; 500,000 for `t0`, none for `proportional`. */
  cap: count.optional(),
  /** Rates are raised to 1 / temperature: above 1, small tasks get more. */
  temperature: z.number().positive().default(1),
});
export type MixtureRule = z.infer<typeof rule>;

/** Rules by name; FLAN's takes at most 30,000 rows of a data set (Wei et al. 2021). */
const namedRules = {
  t0: { name: "t0", temperature: 1 },
  flan: { name: "proportional", cap: 3000, temperature: 1 },
  proportional: { name: "proportional", temperature: 1 },
  equal: { name: "equal", temperature: 1 },
} as const satisfies { readonly [name: string]: MixtureRule };
const flanRows = 30_000;

const task = z
  .strictObject({
    /** A data set of the Hugging Face hub; `train` and `validation` are then names of its splits. */
    hub: z.string().optional(),
    subset: z.string().optional(),
    train: files.optional(),
    validation: files.optional(),
    /** Columns made of others, as format strings: {"text": "{title} {description}"}. */
    columns: z.record(z.string(), z.string()).optional(),
    /** A promptsource templates.yaml, or a name of this package's own … */
    templates: z.string().optional(),
    /** … which of them are used. */
    use: z.union([z.enum(["all", "original"]), z.array(z.string()).min(1)]).default("all"),
    /** … or FLAN's patterns: a file. */
    patterns: z.string().optional(),
    /** … or rows that are prompts and targets already. */
    pairs: z.union([z.literal(true), z.strictObject({ prompt: z.string(), target: z.string() })]).optional(),
    /** … or instructions in the format of Super-NaturalInstructions. */
    instructions: z
      .union([
        z.literal(true),
        z.strictObject({
          /** Headers, where the instances lie in files of their own. */
          tasks: z.string().optional(),
          positive: z.number().int().nonnegative().default(0),
          negative: z.number().int().nonnegative().default(0),
          explanations: z.boolean().default(false),
        }),
      ])
      .optional(),
    max_examples: count.optional(),
    cap: count.optional(),
    weight: z.number().nonnegative().optional(),
  })
  .refine((t) => [t.templates, t.patterns, t.pairs, t.instructions].filter((way) => way !== undefined).length === 1, {
    error: "give one of templates, patterns, pairs and instructions: the words its rows are put into",
    path: ["templates"],
  })
  .refine((t) => t.hub !== undefined || t.train !== undefined, {
    error: "give train (files), or hub (a data set's name)",
    path: ["train"],
  });
export type MixtureTask = z.infer<typeof task>;

export const mixtureSchema = z
  .strictObject({
    /** T0's, T0+'s or T0++'s data sets … */
    mixture: z.enum(["t0", "t0+", "t0++"]).optional(),
    /** … of which the rows lie in this folder, as DATASET/SUBSET/train.jsonl … */
    data: z.string().optional(),
    /** … and the templates in this one, as promptsource has them. */
    templates: z.string().optional(),
    use: z.enum(["all", "original"]).default("all"),
    /** What happens when data sets of a named mixture are not here. */
    missing: z.enum(["error", "skip"]).default("error"),
    rule: z.union([z.enum(["t0", "flan", "proportional", "equal"]), rule]).default("t0"),
    /** Rows of a data set that are used at most, evenly spaced in its files. */
    max_examples: count.optional(),
    /** Pairs of the validation files a training run evaluates on. */
    validation_examples: count.default(500),
    tasks: z.record(z.string(), task).default({}),
  })
  .refine((m) => m.mixture !== undefined || Object.keys(m.tasks).length > 0, {
    error: "give tasks, or a mixture by name",
    path: ["tasks"],
  })
  .refine((m) => m.mixture === undefined || (m.data !== undefined && m.templates !== undefined), {
    error: "a mixture by name needs data (a folder of data sets) and templates (a folder of templates.yaml)",
    path: ["mixture"],
  });

export interface MixtureFile extends Omit<z.infer<typeof mixtureSchema>, "rule"> {
  readonly rule: MixtureRule;
}

/** Check a mixture file; the error names the key, what was found and what is expected. */
export function parseMixtureFile(json: unknown, file: string): MixtureFile {
  const parsed = mixtureSchema.safeParse(json);
  if (!parsed.success) {
    const { what, hint } = schemaIssue(parsed.error, mixtureSchema, "the mixture");
    return fail("bad_input", what, { where: file, hint: hint ?? "docs/mixtures.md lists every key of a mixture file" });
  }
  const { rule: given, ...rest } = parsed.data;
  const chosen = typeof given === "string" ? namedRules[given] : given;
  return {
    ...rest,
    rule: chosen,
    ...(given === "flan" && rest.max_examples === undefined ? { max_examples: flanRows } : {}),
  };
}
