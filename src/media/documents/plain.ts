/** Text as it is. */
import { type DocumentText, wholeStretch } from "./document.ts";

export const plainDocument = (source: string): DocumentText => ({
  kind: "text",
  text: source,
  headings: [],
  stretches: wholeStretch(source),
});
