/** Papers that nobody wrote, for whoever has none at hand: forty of three months. */

const subjects = [
  ["Counting birds from short recordings", "recordings of birdsong", "stations along a river"],
  ["Reading old letters line by line", "scanned handwriting", "two archives"],
  ["Answers from tables with few rows", "questions over small tables", "school reports"],
  ["Translating recipes without losing steps", "recipes in four languages", "home kitchens"],
  ["Summaries that keep their numbers", "reports with many figures", "council minutes"],
] as const;
const ways = ["a small network", "a list of rules", "two models that disagree", "a tree of sentences"] as const;
const people = ["Ada Lind", "Bo Maar", "Cy Nor", "Di Ost", "Ed Pel", "Fen Quist"] as const;
const months = ["2021-09", "2021-10", "2021-11"] as const;

/** A file as it would be dropped. */
export function exampleFile(): File {
  const lines = months.flatMap((month, m) =>
    Array.from({ length: 12 + 2 * m }, (_, n) => {
      const [title, what, where] = subjects[(n + m) % subjects.length]!;
      const way = ways[(n * 3 + m) % ways.length]!;
      const gain = 2 + ((n * 7 + m * 5) % 19);
      return JSON.stringify({
        id: `${month.slice(2).replace("-", "")}.${String(10_001 + n)}`,
        title: n < subjects.length ? title : `${title}, with ${way}`,
        authors: [people[n % 6], people[(n + m + 1) % 6]],
        abstract: `We study ${what} from ${where}. We propose ${way} that finds ${gain} percent more than the best earlier one. It needs ${n + 1} hours of one processor. Errors remain where ${what} are shorter than a line.`,
        categories: n % 4 === 3 ? "cs.LG cs.CL" : "cs.CL",
        ...(n % 5 === 0 && { comments: "Accepted at ACL" }),
        submitted: `${month}-${String(1 + n).padStart(2, "0")}T09:00:00Z`,
      });
    }),
  );
  return new File([`${lines.join("\n")}\n`], "example.jsonl", { lastModified: 0 });
}
