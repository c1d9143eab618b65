/** A month's digest from a store: counts, choice, words. The same store and options give the same document. */
import { fail, throwIfAborted } from "../errors.ts";
import { growthChart } from "./count/chart.ts";
import { growthSentence, isWhole, lastDay, percent, trends, withGrowth } from "./count/count.ts";
import { countPapers, nextMonth } from "./count/count-node.ts";
import type { Digest, Head, Item } from "./document.ts";
import { pageOf } from "./papers/ids.ts";
import { toText } from "./papers/text.ts";
import { monthNameOf } from "./render/months.ts";
import { type ChooseOptions, type Chosen, choose } from "./select/choose-node.ts";
import type { Scored } from "./select/select.ts";
import type { Store } from "./store/store-node.ts";
import { type Writer, writeItem } from "./write/write.ts";

export interface MakeOptions extends ChooseOptions {
  readonly writer?: Writer | undefined;
  /** The writer's name. */
  readonly writerName?: string | undefined;
  readonly keepUnsupported?: boolean | undefined;
  readonly title?: string | undefined;
}

const headOf = ({ paper, score, reasons }: Scored, cluster: string): Head => {
  const best = paper.citations?.toSorted((a, b) => b.count - a.count)[0];
  return {
    id: paper.id,
    title: toText(paper.title),
    authors: paper.authors.map(({ name }) => name),
    primary: paper.primary,
    categories: [...paper.categories],
    submitted: paper.submitted,
    score: Math.round(score * 1e4) / 1e4,
    reasons: reasons.map(({ feature, value, percentile }) => ({
      feature,
      value: Math.round(value * 1e4) / 1e4,
      percentile: Math.round(percentile * 1e4) / 1e4,
    })),
    cluster,
    ...(paper.venue && {
      venue: paper.venue.state === "submitted" ? `submitted to ${paper.venue.name}` : paper.venue.name,
    }),
    ...(best && { citations: { count: best.count, source: best.source, at: best.at } }),
    ...(paper.code && { code: [...paper.code] }),
    link: pageOf(paper.id),
  };
};

/** What the choice rests on, in a sentence. */
function basis({ used, dropped, candidates, known }: Chosen, month: string, delay: number): string[] {
  const names: Readonly<Record<string, string>> = {
    citations: "citations",
    influential: "influential citations",
    resonance: "how near the papers of the following 60 days are (resonance)",
    venue: "the venue that authors name",
    momentum: "how near the papers of the last half year are (momentum)",
    code: "a link to code",
    interest: "nearness to what the reader saved",
    authors: "the number of authors",
  };
  const told = used.map((feature) => names[feature]!);
  const notes = [
    `Chosen from ${candidates.toLocaleString("en")} papers by ${told.join(", ") || "nothing but their order"}.`,
  ];
  const lacks = dropped.filter(({ feature }) => feature === "citations" || feature === "resonance");
  for (const { feature, why } of lacks) {
    notes.push(`No ${feature} went into it (${why}).`);
  }
  if (!used.includes("citations")) {
    notes.push(
      "Text alone is weak evidence of what will matter: half of the papers that mattered most later would not be among the first fifth.",
    );
  }
  if (delay < 2)
    notes.push(
      `Made without the two months after ${monthNameOf(month)}; a later edition knows more. Papers known to ${known}.`,
    );
  return notes;
}

/** A month like `2021-11`. @throws wrong_use */
export function needMonth(text: string): string {
  return /^\d{4}-(?:0[1-9]|1[0-2])$/.test(text)
    ? text
    : fail("wrong_use", `--month ${text.slice(0, 40)}: expected a month as 2021-11`);
}

/**
 * Make a month's digest.
 * @throws not_found where there are no papers; what the writer throws; interrupted
 */
export async function makeDigest(store: Store, options: MakeOptions): Promise<Digest> {
  const { month, group, delay, months = 1, writer, signal, progress } = options;
  const chosen = await choose(store, options);
  const { series } = group;
  const counts = withGrowth(countPapers(store, group, "month"), series).filter(({ period }) => period <= month);
  const own = counts.find(({ period }) => period === month);
  const whole = isWhole(`${month}-01`, lastDay(month), store.meta("complete_from"), store.meta("seen_to") ?? "");
  const sentence = growthSentence(counts, { name: group.name, series });
  const { trailing, toDate } = trends(counts, series);
  const trend = [
    ...(trailing === undefined ? [] : [`Over the last twelve months ${percent(trailing)}`]),
    ...(toDate === undefined
      ? []
      : [
          `${toDate.months === 1 ? "January" : `the first ${toDate.months} months of the year`} ${percent(toDate.growth)}`,
        ]),
  ].join("; ");
  const items: Item[] = [];
  for (const one of chosen.chosen) {
    throwIfAborted(signal);
    progress?.(`writing ${items.length + 1} of ${chosen.chosen.length}`);
    const source = toText(one.paper.abstract);
    const { keepUnsupported } = options;
    const { why, insights, replaced } = await writeItem(toText(one.paper.title), source, writer, {
      keepUnsupported,
      signal,
    });
    items.push({
      ...headOf(one, chosen.clusters[one.cluster]!.label),
      rank: items.length + 1,
      ...((options.pin ?? []).includes(one.paper.id) && { pinned: true }),
      ...{ why, insights, source, replaced },
    });
  }
  const title = options.title ?? `Best in ${group.name}: ${monthNameOf(month)}`;
  const largest = chosen.clusters.slice(0, 5).filter(({ papers }) => papers > 1);
  const intro = [
    own === undefined
      ? ""
      : `${own.listed.toLocaleString("en")} papers of ${monthNameOf(month)} are listed in ${group.name}, ${own.primary.toLocaleString("en")} of them as their first category.`,
    trend === "" ? "" : `${trend}.`,
    largest.length > 0
      ? `The month's largest subjects: ${largest.map(({ label, papers }) => `${label} (${papers})`).join("; ")}.`
      : "",
  ].filter(Boolean);
  return {
    format: "zeroth-digest-1",
    ...{ title, month, group: group.name, categories: [...group.categories] },
    months: Array.from({ length: months }, (_, i) => nextMonth(month, i + 1 - months)),
    counts: { listed: own?.listed ?? 0, primary: own?.primary ?? 0, candidates: chosen.candidates },
    growth: whole ? sentence : `${monthNameOf(month)} is not whole in this store; nothing is said of growth.`,
    chart: growthChart(counts, { title: `${group.name} papers a month`, description: sentence, series, most: 36 }),
    notes: [
      ...(whole ? [] : [`Not all papers of ${monthNameOf(month)} are known: counts and choice are of a part.`]),
      ...basis(chosen, month, delay),
      ...chosen.notes,
      ...(items.length < options.top ? [`Only ${items.length} papers could be chosen.`] : []),
    ],
    intro,
    items,
    nearMisses: chosen.nearMisses.map((one) => ({
      ...headOf(one, chosen.clusters[one.cluster]!.label),
      source: toText(one.paper.abstract),
    })),
    clusters: [...chosen.clusters],
    ...(options.writerName !== undefined && { writer: options.writerName }),
  };
}
