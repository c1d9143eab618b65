/** Questions to results, as data: a declaration lists them and a report answers them. */
import { z } from "zod";

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const column = z.string().min(1);

const common = {
  title: z.string().optional(),
  /** Rows that it is about: a column has this value, or one of these. */
  where: z.record(z.string(), z.union([value, z.array(value)])).optional(),
};

export const analysisSchema = z.discriminatedUnion("kind", [
  /** Hull, saturating law and interval of scores downstream over scores upstream. */
  z.strictObject({
    kind: z.literal("transfer"),
    ...common,
    us: column,
    ds: column,
    group: z.array(column).optional(),
    /** What is resampled together; "run" by default. */
    run: column.optional(),
    /** What points are coloured by. */
    by: column.optional(),
  }),
  /** What a bigger model is worth in labels: sizes by numbers of labels, a row a seed. */
  z.strictObject({
    kind: z.literal("grid"),
    ...common,
    size: column,
    labels: column,
    score: column,
    group: z.array(column).optional(),
  }),
  /** A score over a factor, mean and standard deviation, a line for each of `by`. */
  z.strictObject({
    kind: z.literal("curve"),
    ...common,
    x: column,
    y: column,
    by: column.optional(),
    group: z.array(column).optional(),
    scale: z.enum(["linear", "log"]).optional(),
  }),
  /** Means with their standard deviation and number, a row for each combination of `rows`, a column for each of `columns`. */
  z.strictObject({
    kind: z.literal("table"),
    ...common,
    rows: z.array(column).min(1),
    columns: column.optional(),
    score: column,
  }),
]);

export type Analysis = z.output<typeof analysisSchema>;
export type Transfer = Extract<Analysis, { kind: "transfer" }>;
export type GridQuestion = Extract<Analysis, { kind: "grid" }>;
export type Curve = Extract<Analysis, { kind: "curve" }>;
export type Table = Extract<Analysis, { kind: "table" }>;
