/** Hits of a search for a person. */
import type { Found } from "../../retrieve/search-node.ts";
import type { Output } from "../output.ts";

/** Characters of a hit that are shown. */
const mostShown = 320;

const places = (scores: Found["scores"]): string =>
  Object.entries(scores)
    .map(([name, score]) => `${name} ${score.toFixed(3)}`)
    .join(", ");

export function hitsText(hits: readonly Found[], output: Output): string {
  if (hits.length === 0) return output.dim("nothing was found\n");
  return hits
    .map((hit, i) => {
      const where = [hit.heading, hit.page && `page ${hit.page}`, `${hit.start}–${hit.end}`].filter(Boolean).join(", ");
      const line = hit.text.replace(/\s+/g, " ").trim();
      const text = line.length > mostShown ? `${line.slice(0, mostShown - 1)}…` : line;
      return `${String(i + 1).padStart(2)}  ${output.bold(hit.document)}  ${output.dim(`${where}  (${places(hit.scores)})`)}\n    ${text}\n`;
    })
    .join("");
}
