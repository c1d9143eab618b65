/** Answers of arXiv's query API: Atom with arXiv's and OpenSearch's own elements, in any order. */
import { fail } from "../../errors.ts";
import { authorOf, type RawRecord } from "./record.ts";
import { attribute, elements, parseXml, textIn } from "./xml.ts";

export interface AtomPage {
  readonly total: number;
  readonly records: readonly RawRecord[];
}

/**
 * Read one answer.
 * @throws bad_input with what arXiv says is wrong with the query; corrupt_file for what is no such feed
 */
export function parseAtom(xml: string, where: string): AtomPage {
  const [feed] = elements(parseXml(xml, where), "feed");
  if (feed === undefined) {
    fail("corrupt_file", "is no Atom feed", { where, hint: "its outer element should be <feed>" });
  }
  const entries = elements(feed, "entry");
  const [only] = entries;
  if (entries.length === 1 && /\/api\/errors/.test(textIn(only, "id") ?? "")) {
    fail("bad_input", `arXiv refuses the query: ${(textIn(only, "summary") ?? "no reason").trim().slice(0, 300)}`, {
      where,
      hint: "a query looks like cat:cs.CL AND submittedDate:[202111010000 TO 202111302359]",
    });
  }
  const total = Number(textIn(feed, "totalResults")?.trim() ?? entries.length);
  return {
    total: Number.isSafeInteger(total) && total >= 0 ? total : entries.length,
    records: entries.map((entry) => {
      const primary = attribute(elements(entry, "primary_category")[0], "term");
      const all = elements(entry, "category").flatMap((element) => attribute(element, "term") ?? []);
      return {
        ...{ source: "atom", id: (textIn(entry, "id") ?? "").trim() },
        title: textIn(entry, "title"),
        abstract: textIn(entry, "summary"),
        authors: elements(entry, "author").flatMap((author) => {
          const name = textIn(author, "name");
          return name === undefined ? [] : [authorOf(name)];
        }),
        categories: primary === undefined ? all : [primary, ...all],
        submitted: textIn(entry, "published"),
        updated: textIn(entry, "updated"),
        comments: textIn(entry, "comment"),
        journalRef: textIn(entry, "journal_ref"),
        doi: textIn(entry, "doi"),
      };
    }),
  };
}
