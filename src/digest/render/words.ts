/** What all forms of a digest say in words. */
import type { Head, Item, Sentence } from "../document.ts";

const mostAuthors = 3;

/** The first three, and how many more. */
export const authorsLine = (authors: readonly string[]): string =>
  authors.length <= mostAuthors + 1
    ? authors.join(", ")
    : `${authors.slice(0, mostAuthors).join(", ")} et al. (${authors.length} authors)`;

const ordinal = (share: number): string =>
  share === 1 ? "the highest of the month" : `above ${Math.floor(share * 100)} % of the month`;

const reasonWords: Readonly<Record<string, (value: number) => string>> = {
  citations: (value) => `${value.toLocaleString("en")} citations`,
  influential: (value) => `${value.toLocaleString("en")} influential citations`,
  resonance: (value) => `resonance ${value.toFixed(2)}`,
  momentum: (value) => `momentum ${value.toFixed(2)}`,
  venue: (value) => (value === 1 ? "talk or prize at a venue" : "accepted at a venue"),
  code: () => "code is linked",
  interest: (value) => `nearness to what you saved ${value.toFixed(2)}`,
  authors: (value) => `${value} authors`,
};

/** `resonance 1.12, above 91 % of the month`. */
export const reasonLine = ({ feature, value, percentile }: Head["reasons"][number]): string => {
  const words = reasonWords[feature]?.(value) ?? feature;
  return feature === "venue" || feature === "code" ? words : `${words}, ${ordinal(percentile)}`;
};

export const reasonsLine = (item: Head): string => item.reasons.slice(0, 4).map(reasonLine).join("; ");

/** Who wrote a sentence, where that is not the model. */
export const mark = ({ by, unsupported = [] }: Sentence): string => {
  const doubt = unsupported.length > 0 ? `not in the abstract: ${unsupported.join(", ")}` : "";
  return [by === "extract" ? "from the abstract" : by === "person" ? "edited" : "", doubt].filter(Boolean).join("; ");
};

/** Whether all of an item is of its abstract: then that is said once. */
export const allExtracted = (item: Item): boolean => [item.why, ...item.insights].every(({ by }) => by === "extract");

export const placeLine = (item: Head): string =>
  [
    `arXiv:${item.id}`,
    item.primary,
    item.submitted.slice(0, 10),
    item.venue ?? "",
    item.citations
      ? `${item.citations.count.toLocaleString("en")} citations (${item.citations.source}, ${item.citations.at})`
      : "",
  ]
    .filter(Boolean)
    .join(" · ");

export const footLine =
  "Made from arXiv's metadata (CC0). Sentences marked as from the abstract are its authors' own; the others were written by the model named here and checked for numbers and names.";
