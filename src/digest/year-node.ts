/** A year in a store: how much of what, what rose and fell, what is cited, as one page with its charts. */
import { fail } from "../errors.ts";
import { growthChart } from "./count/chart.ts";
import { growthSentence, percent, withGrowth } from "./count/count.ts";
import { countPapers } from "./count/count-node.ts";
import { type Group, within } from "./count/groups.ts";
import { pageOf } from "./papers/ids.ts";
import type { Paper } from "./papers/paper.ts";
import { toText } from "./papers/text.ts";
import { escaped } from "./render/escape.ts";
import { linked, page, pageStyle } from "./render/html.ts";
import { authorsLine } from "./render/words.ts";
import { textOf } from "./select/choose-node.ts";
import { termsOf } from "./select/tfidf.ts";
import { functionWords } from "./select/words.ts";
import type { Store } from "./store/store-node.ts";

export interface Year {
  readonly year: string;
  readonly group: string;
  readonly papers: number;
  readonly growth: string;
  readonly charts: readonly string[];
  readonly areas: readonly {
    readonly category: string;
    readonly papers: number;
    readonly before: number;
    readonly growth?: number;
  }[];
  /** Words and pairs of words that more, or fewer, of the year's papers use than of the year before. */
  readonly rising: readonly Mover[];
  readonly falling: readonly Mover[];
  readonly venues: readonly { readonly venue: string; readonly papers: number }[];
  readonly cited: readonly {
    readonly id: string;
    readonly title: string;
    readonly authors: readonly string[];
    readonly count: number;
    readonly source: string;
  }[];
  readonly notes: readonly string[];
}

export interface Mover {
  readonly term: string;
  /** Share of papers in the year, and in the one before. */
  readonly now: number;
  readonly before: number;
}

const leastPapers = 10;
const movers = 15;

/** In how many papers each term is. */
function documentCounts(papers: readonly Paper[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const paper of papers) {
    for (const term of new Set(termsOf(textOf(paper), functionWords))) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  return counts;
}

/** Terms by how far their shares differ, in standard errors of the difference. */
function moved(now: readonly Paper[], before: readonly Paper[]): { rising: Mover[]; falling: Mover[] } {
  if (now.length === 0 || before.length === 0) return { rising: [], falling: [] };
  const [a, b] = [documentCounts(now), documentCounts(before)];
  const scored = [...new Set([...a.keys(), ...b.keys()])]
    .map((term) => ({ term, x: a.get(term) ?? 0, y: b.get(term) ?? 0 }))
    .filter(({ term, x, y }) => x + y >= leastPapers && !/^[\d ]+$/.test(term))
    .map(({ term, x, y }) => {
      const [p, q] = [x / now.length, y / before.length];
      const both = (x + y) / (now.length + before.length);
      const error = Math.sqrt(both * (1 - both) * (1 / now.length + 1 / before.length)) || 1;
      return { term, now: p, before: q, score: (p - q) / error };
    });
  const take = (list: typeof scored): Mover[] => {
    const chosen: Mover[] = [];
    for (const { score: _, ...mover } of list) {
      if (chosen.some(({ term }) => ` ${term} `.includes(` ${mover.term} `) || ` ${mover.term} `.includes(` ${term} `)))
        continue;
      chosen.push(mover);
      if (chosen.length === movers) break;
    }
    return chosen;
  };
  return {
    rising: take(
      scored.filter(({ score }) => score > 2).sort((s, t) => t.score - s.score || (s.term < t.term ? -1 : 1)),
    ),
    falling: take(
      scored.filter(({ score }) => score < -2).sort((s, t) => s.score - t.score || (s.term < t.term ? -1 : 1)),
    ),
  };
}

/** @throws wrong_use for what is no year; not_found where the store has no paper of it */
export function yearOf(store: Store, year: string, group: Group): Year {
  if (!/^(?:19|20)\d\d$/.test(year)) fail("wrong_use", `--year ${year.slice(0, 20)}: expected a year as 2018`);
  const { series } = group;
  const counts = withGrowth(countPapers(store, group, "year"), series).filter(({ period }) => period <= year);
  const own = counts.find(({ period }) => period === year);
  if (own === undefined) fail("not_found", `no ${group.name} paper of ${year} is in the store`, { where: store.path });
  const before = counts.find(({ period }) => period === String(Number(year) - 1));
  const categories = store.categories().filter((category) => within(group, category));
  const [now, past] = [
    store.papers(`${year}-01`, `${year}-12`, categories),
    store.papers(`${Number(year) - 1}-01`, `${Number(year) - 1}-12`, categories),
  ];
  const areas = Object.keys({ ...before?.by, ...own.by })
    .map((category) => {
      const [papers, earlier] = [own.by[category] ?? 0, before?.by[category] ?? 0];
      const known = own.whole && before?.whole && earlier > 0;
      return { category, papers, before: earlier, ...(known && { growth: papers / earlier - 1 }) };
    })
    .sort((a, b) => b.papers - a.papers || (a.category < b.category ? -1 : 1));
  const venues = new Map<string, number>();
  for (const { venue } of now)
    if (venue && venue.state !== "submitted") venues.set(venue.name, (venues.get(venue.name) ?? 0) + 1);
  const cited = now
    .flatMap(({ id, title, authors, citations }) => {
      const best = citations?.toSorted((a, b) => b.count - a.count)[0];
      return best
        ? [
            {
              id,
              title: toText(title),
              authors: authors.map(({ name }) => name),
              count: best.count,
              source: best.source,
            },
          ]
        : [];
    })
    .sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1))
    .slice(0, 10);
  const growth = growthSentence(counts, { name: group.name, series });
  const months = withGrowth(countPapers(store, group, "month"), series).filter(
    ({ period }) => period.slice(0, 4) <= year,
  );
  return {
    ...{ year, group: group.name, papers: own[series], growth, areas, cited },
    charts: [
      growthChart(counts, { title: `${group.name} papers a year`, description: growth, series, most: 12 }),
      growthChart(months, {
        title: `${group.name} papers a month`,
        description: `Month by month to ${year}.`,
        series,
        most: 36,
      }),
    ],
    ...moved(now, past),
    venues: [...venues]
      .map(([venue, papers]) => ({ venue, papers }))
      .sort((a, b) => b.papers - a.papers || (a.venue < b.venue ? -1 : 1))
      .slice(0, 12),
    notes: [
      ...(own.whole ? [] : [`${year} is not whole in this store: nothing is said of its growth.`]),
      ...(cited.length > 0 ? [] : ["No citations are in the store (zeroth digest ingest --source citations FILE)."]),
      "Subjects are words of titles and abstracts; venues are those that authors name in their comments.",
    ],
  };
}

const share = (x: number): string => `${(x * 100).toFixed(1)} %`;

/** Bars of a list, widths in percent of the greatest. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><thead><tr>${head.map((one) => `<th scope="col">${escaped(one)}</th>`).join("")}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("")}</tbody></table>`;

const style = `${pageStyle}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.6rem 0 1.4rem}th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600}h2{margin-top:1.6rem}`;

/** The year as a page of its own. */
export function yearHtml(year: Year): string {
  const moving = (list: readonly Mover[]): string =>
    table(
      ["subject", year.year, String(Number(year.year) - 1)],
      list.map(({ term, now, before }) => [escaped(term), share(now), share(before)]),
    );
  const body = `<main><h1>${escaped(year.group)} in ${escaped(year.year)}</h1><p>${escaped(year.growth)}</p>${year.charts.map((chart) => `<figure>${chart}</figure>`).join("")}<div class="notes">${year.notes.map((note) => `<p>${escaped(note)}</p>`).join("")}</div><h2>By area</h2>${table(
    ["first category", "papers", "year before", "growth"],
    year.areas
      .slice(0, 20)
      .map((area) => [
        escaped(area.category),
        area.papers.toLocaleString("en"),
        area.before.toLocaleString("en"),
        area.growth === undefined ? "" : percent(area.growth),
      ]),
  )}${year.rising.length > 0 ? `<h2>What rose</h2>${moving(year.rising)}` : ""}${year.falling.length > 0 ? `<h2>What fell</h2>${moving(year.falling)}` : ""}${
    year.venues.length > 0
      ? `<h2>Where it appeared</h2>${table(
          ["venue", "papers that name it"],
          year.venues.map(({ venue, papers }) => [escaped(venue), String(papers)]),
        )}`
      : ""
  }${
    year.cited.length > 0
      ? `<h2>Most cited</h2>${table(
          ["paper", "citations"],
          year.cited.map((paper) => [
            `${linked(paper.title, pageOf(paper.id))}<br><span class="by">${escaped(authorsLine(paper.authors))}</span>`,
            `${paper.count.toLocaleString("en")} (${escaped(paper.source)})`,
          ]),
        )}`
      : ""
  }</main>`;
  return page(`${year.group} in ${year.year}`, body, style);
}
