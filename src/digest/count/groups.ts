/** Groups of categories that are counted and chosen from together. */
import { fail } from "../../errors.ts";

export interface Group {
  /** As people call it. */
  readonly name: string;
  /** Categories (`cs.CL`), or whole archives (`cs`). */
  readonly categories: readonly string[];
  /** Which series growth is told of by default. */
  readonly series: Series;
}

/** Papers whose first category is in the group, or those listed in any of them; each counts once. */
export const allSeries = ["primary", "listed"] as const;
export type Series = (typeof allSeries)[number];

const aiMl = ["cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.NE", "stat.ML"];

const known: Readonly<Record<string, Group>> = {
  "ai-ml": { name: "AI/ML", categories: aiMl, series: "primary" },
  all: { name: "arXiv", categories: ["*"], series: "listed" },
};

/**
 * `ai-ml`, `all`, a category, several with commas, or a name of one's own before them: `robots=cs.RO,cs.SY`.
 * @throws wrong_use for what is none
 */
export function groupOf(text: string): Group {
  if (Object.hasOwn(known, text)) return known[text]!;
  const [, name, list = text] = /^([^=]{1,60})=(.*)$/.exec(text) ?? [];
  const categories = list.split(",").map((one) => one.trim());
  for (const category of categories) {
    if (!/^[a-z][a-z-]{1,11}(?:\.[A-Za-z-]{2,12})?$/.test(category)) {
      fail("wrong_use", `--group ${text.slice(0, 100)}: "${category.slice(0, 40)}" is no category`, {
        hint: "ai-ml, cs.CL, cs.CL,cs.LG, a whole archive as cs, or a name of your own: robots=cs.RO,eess.SY",
      });
    }
  }
  return { name: name ?? categories.join(", "), categories, series: "listed" };
}

/** Whether a category is in a group. */
export const within = ({ categories }: Group, category: string): boolean =>
  categories.some((one) => one === "*" || one === category || (!one.includes(".") && category.startsWith(`${one}.`)));
