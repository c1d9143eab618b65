/** A digest as one JSON document: what all its forms are made of. */
import { z } from "zod";

/** A sentence and the places in its source that it says again; none where it could not be found there. */
export const sentenceSchema = z.object({
  text: z.string(),
  /** The model's own words, or a sentence of the abstract. */
  by: z.enum(["model", "extract", "person"]),
  /** UTF-16 places in the item's `source`. */
  spans: z.array(z.object({ start: z.number().int(), end: z.number().int() })),
  /** What the source does not say: numbers and names. */
  unsupported: z.array(z.string()).optional(),
});
export type Sentence = z.infer<typeof sentenceSchema>;

const reasonSchema = z.object({ feature: z.string(), value: z.number(), percentile: z.number() });

const headSchema = z.object({
  id: z.string(),
  title: z.string(),
  authors: z.array(z.string()),
  primary: z.string(),
  categories: z.array(z.string()),
  submitted: z.string(),
  score: z.number(),
  reasons: z.array(reasonSchema),
  cluster: z.string(),
  venue: z.string().optional(),
  citations: z.object({ count: z.number(), source: z.string(), at: z.string() }).optional(),
  code: z.array(z.string()).optional(),
  link: z.string(),
});

/** A paper that came close; with its abstract it can be taken in the place of another. */
const missSchema = headSchema.extend({ source: z.string().optional() });

export const itemSchema = headSchema.extend({
  rank: z.number().int(),
  pinned: z.boolean().optional(),
  why: sentenceSchema,
  insights: z.array(sentenceSchema),
  /** The abstract that sentences point into. */
  source: z.string(),
  /** Sentences of the model that were replaced because the source does not say what they do. */
  replaced: z.number().int(),
});
export type Item = z.infer<typeof itemSchema>;

export const digestSchema = z.object({
  format: z.literal("zeroth-digest-1"),
  title: z.string(),
  month: z.string(),
  group: z.string(),
  categories: z.array(z.string()),
  /** The months that papers were chosen from. */
  months: z.array(z.string()),
  counts: z.object({ listed: z.number(), primary: z.number(), candidates: z.number() }),
  growth: z.string(),
  chart: z.string(),
  /** What a reader has to know: a month that is not whole, signals that lack. */
  notes: z.array(z.string()),
  intro: z.array(z.string()),
  items: z.array(itemSchema),
  nearMisses: z.array(missSchema),
  clusters: z.array(z.object({ label: z.string(), papers: z.number().int() })),
  /** Who wrote the items: a model's name, or none. */
  writer: z.string().optional(),
});
export type Digest = z.infer<typeof digestSchema>;
export type Miss = z.infer<typeof missSchema>;
export type Head = z.infer<typeof headSchema>;
