/** A declaration as somebody wrote it, checked: what it says becomes stages in the order in which they can run. */
import { z } from "zod";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail } from "../../errors.ts";
import { analysisSchema } from "../report/analysis.ts";
import type { Stage, Study } from "./study.ts";

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const name = z.string().regex(/^[A-Za-z][\w.-]*$/, "a name: a letter, then letters, digits, _ . or -");
const only = z.record(z.string(), z.union([value, z.array(value).min(1)])).optional();
const factor = z.union([
  z.array(value).min(1),
  z.strictObject({ values: z.array(value).min(1), only }),
  z.strictObject({
    from: z.number(),
    to: z.number(),
    count: z.number().int().min(1).max(10_000),
    scale: z.enum(["linear", "log"]).optional(),
    only,
  }),
]);
const call = z.custom<never>((given) => typeof given === "function", "expected a function").optional();

const stageShape = {
  needs: z.string().optional(),
  factors: z.record(name, factor),
  where: call,
  sample: z.strictObject({ count: z.number().int().min(1), seed: z.number().int().optional() }).optional(),
  defaults: z.record(z.string(), value).optional(),
  version: z.number().int().optional(),
  data: z.array(z.string()).optional(),
  cost: call,
  run: call,
  command: z.array(z.string()).min(1).optional(),
};
const settings = {
  name,
  version: z.number().int().optional(),
  metrics: z.record(name, z.enum(["max", "min"])),
  analyses: z.array(analysisSchema).optional(),
  quick: z.record(z.string(), z.record(z.string(), factor)).optional(),
  claims: call,
};
const stagedSchema = z.strictObject({ ...settings, stages: z.record(name, z.strictObject(stageShape)) });
const plainSchema = z.strictObject({ ...stageShape, ...settings });

/** Columns that every row of results has. */
export const ownColumns = ["study", "stage", "id", "run"] as const;

/** The name of the stage of a study that has one. */
const onlyStage = "run";

/** @param where what errors name: the declaration's file */
export function checkStudy(given: unknown, where: string): Study {
  const staged = typeof given === "object" && given !== null && "stages" in given;
  const schema = staged ? stagedSchema : plainSchema;
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const { what, hint } = schemaIssue(parsed.error, schema, "the study");
    fail("bad_input", what, { where, ...(hint !== undefined && { hint }) });
  }
  const study = (staged ? given : wrapped(given as Study & Stage)) as Study;
  const stages = Object.entries(study.stages);
  if (stages.length === 0) fail("bad_input", "there is no stage", { where });
  if (Object.keys(study.metrics).length === 0) fail("bad_input", "there is no metric", { where });
  for (const [title, stage] of stages) checkStage(title, stage, study, where);
  for (const title of Object.keys(study.quick ?? {})) {
    if (!(title in study.stages)) fail("bad_input", `quick: there is no stage "${title}"`, { where });
  }
  return study;
}

function wrapped({ name, version, metrics, analyses, quick, claims, ...stage }: Study & Stage): Study {
  return { name, version, metrics, analyses, quick, claims, stages: { [onlyStage]: stage } };
}

function checkStage(title: string, stage: Stage, study: Study, where: string): void {
  const at = `stage "${title}"`;
  if ((stage.run === undefined) === (stage.command === undefined)) {
    fail("bad_input", `${at} has ${stage.run ? "both run and command" : "neither run nor command"}: give one`, {
      where,
    });
  }
  const above = ancestors(title, study, where);
  const inherited = new Map(above.flatMap((one) => Object.keys(study.stages[one]!.factors).map((key) => [key, one])));
  for (const key of Object.keys(stage.factors)) {
    if ((ownColumns as readonly string[]).includes(key))
      fail("bad_input", `${at}: a factor may not be "${key}"`, { where });
    if (key in study.metrics) fail("bad_input", `${at}: "${key}" is a factor and a metric`, { where });
    const other = inherited.get(key);
    if (other !== undefined) fail("bad_input", `${at}: "${key}" is a factor of stage "${other}" already`, { where });
  }
}

/** The stages that one needs, nearest first. @throws bad_input for one that is not there, and for a circle */
export function ancestors(title: string, study: Study, where: string): string[] {
  const found: string[] = [];
  for (let needs = study.stages[title]!.needs; needs !== undefined; needs = study.stages[needs]!.needs) {
    if (!(needs in study.stages)) {
      fail("bad_input", `stage "${title}" needs "${needs}", which is no stage`, {
        where,
        hint: `the stages are ${Object.keys(study.stages).join(", ")}`,
      });
    }
    if (needs === title || found.includes(needs)) fail("bad_input", `stage "${title}" needs itself`, { where });
    found.push(needs);
  }
  return found;
}
