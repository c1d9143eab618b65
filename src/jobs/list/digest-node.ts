/** `digest`: a month's newsletter from papers' metadata; a partition is a month. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../base/canonical.ts";
import { writeFileSafely } from "../../base/files-node.ts";
import { isWhole, lastDay } from "../../digest/count/count.ts";
import { countPapers, nextMonth } from "../../digest/count/count-node.ts";
import { groupOf, within } from "../../digest/count/groups.ts";
import { withEdits } from "../../digest/edited.ts";
import { ingestFile } from "../../digest/ingest-node.ts";
import { makeDigest, needMonth } from "../../digest/make-node.ts";
import { html } from "../../digest/render/html.ts";
import { markdown, plainText } from "../../digest/render/markdown.ts";
import { type Feature, featureNames } from "../../digest/select/select.ts";
import { keptEdits } from "../../digest/store/digests-node.ts";
import { openStore, type Store } from "../../digest/store/store-node.ts";
import { itemSettings } from "../../digest/write/write.ts";
import { fail } from "../../errors.ts";
import { openLanguageModel } from "../../text/open-node.ts";
import { hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob, unkeyed } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";

const weight = new RegExp(`^(?:${featureNames.join("|")})=\\d+(?:\\.\\d+)?$`);
const count = z.number().int();

const config = z.strictObject({
  ...modelKeys,
  model: modelKeys.model.optional().describe("who writes; without one the sentences are the abstracts' own"),
  papers: unkeyed(z.string().describe("the store that `zeroth digest ingest` fills, or a file of metadata (.jsonl)")),
  group: z.string().default("ai-ml").describe("ai-ml (default), all, cs.CL, cs.CL,cs.LG, cs, or NAME=cs.RO,eess.SY"),
  month: unkeyed(
    z.array(z.string()).optional().describe("months, as 2021-11; all that have ended for the store by default"),
  ),
  top: count.min(1).max(100).default(8).describe("papers of the digest (8)"),
  delay: count.min(0).max(24).default(0).describe("months after it that the choice may know of (0)"),
  months: count.min(1).max(12).default(1).describe("months that papers are chosen from (1)"),
  misses: count.min(0).max(1000).default(10).describe("near misses that are told (10)"),
  weights: z.array(z.string().regex(weight, "a signal and how much it counts, as venue=0")).optional(),
  interest: z.array(z.string()).optional().describe("ids, or words, of what you like"),
  surveys: z.boolean().default(true).describe("leave surveys out"),
  seed: count.nonnegative().default(0).describe("of the clusters (0)"),
});
type Config = z.output<typeof config>;

/** Months of papers before the digest's that signals look at; a few more do no harm. */
const monthsBefore = 24;

/** Stores that were made of files of metadata, in this process. */
const made = new Map<string, Promise<string>>();

async function storeOfFile(path: string, signal?: AbortSignal): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-papers-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const store = join(folder, "papers.db");
  await ingestFile({ store, source: "jsonl", path, signal });
  return store;
}

async function withStore<T>({ papers }: Pick<Config, "papers">, work: (store: Store) => Promise<T> | T): Promise<T> {
  let path = papers;
  if (/\.(?:jsonl|ndjson|csv|tsv|parquet)(?:\.gz)?$/i.test(papers)) {
    const making = made.get(papers) ?? storeOfFile(papers);
    made.set(papers, making);
    path = await making;
  }
  const store = openStore(path);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** An orchestrator calls a month by its first day. */
const monthOf = (partition: string): string => needMonth(partition.replace(/^(\d{4}-\d\d)-01$/, "$1"));

const weightsOf = (list: readonly string[] = []): Partial<Record<Feature, number>> =>
  Object.fromEntries(list.map((entry) => entry.split("=")).map(([name, value]) => [name, Number(value)]));

const wholeMonth = (store: Store, month: string): boolean =>
  isWhole(`${month}-01`, lastDay(month), store.meta("complete_from"), store.meta("seen_to") ?? "");

/** All of a store that a month's digest follows from: papers that are added later change no earlier month. */
function hashOf(store: Store, { group: name, delay, months, interest = [] }: Config, month: string): string {
  const group = groupOf(name);
  const categories = store.categories().filter((category) => within(group, category));
  const last = nextMonth(month, delay);
  const counts = countPapers(store, group, "month").filter(({ period }) => period <= month);
  const hash = createHash("sha256");
  for (const paper of store.papers(nextMonth(month, 1 - months - monthsBefore), last, categories)) {
    hash.update(`${canonicalJson(paper)}\n`);
  }
  const liked = interest.map((one) => store.paper(one) ?? one);
  const seen = [store.meta("seen_to") ?? "", lastDay(last)].sort()[0];
  hash.update(canonicalJson([counts, liked, seen, keptEdits(store, group.name, month) ?? null]));
  return hash.digest("hex");
}

export default defineJob({
  name: "digest",
  version: 1,
  summary: "A month's newsletter of a field from papers' metadata; a partition is a month",
  checks: { sources_fresh: "WARN", provenance_complete: "ERROR" },
  config,
  partitions: async (settings) =>
    settings.month?.map(needMonth) ??
    withStore(settings, (store) =>
      countPapers(store, groupOf(settings.group), "month")
        .filter(({ period, listed }) => listed > 0 && lastDay(period) <= (store.meta("seen_to") ?? ""))
        .map(({ period }) => period),
    ),
  async inputs(settings, partition, signal) {
    const sha256 = await withStore(settings, (store) => hashOf(store, settings, monthOf(partition)));
    return { inputs: [{ name: "papers", sha256 }], ...(settings.model && (await hashModel(settings.model, signal))) };
  },
  async open(settings, signal) {
    if (settings.model === undefined) return { text: undefined, [Symbol.asyncDispose]: async () => {} };
    const { base, adapter } = withoutAdapter(settings.model);
    const { text, ...opened } = await openLanguageModel(base, {
      ...openOptions(settings, adapter),
      download: { signal },
    });
    return { text, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  },
  async run({ config: settings, partition, out, signal, tell, opened: { text } }) {
    const month = monthOf(partition);
    const group = groupOf(settings.group);
    const { top, delay, months, misses, interest, surveys, seed, model } = settings;
    await withStore(settings, async (store) => {
      const edits = keptEdits(store, group.name, month);
      const whole = await makeDigest(store, {
        ...{ month, group, top, delay, months, misses, interest, surveys, seed, signal },
        ...{ weights: weightsOf(settings.weights), pin: edits?.order ?? [], ban: edits?.drop ?? [] },
        ...(text && {
          writerName: model,
          writer: async (prompt: string, stop?: AbortSignal) =>
            (await text.generate(prompt, { ...itemSettings, signal: stop })).text,
        }),
        progress: (message) => tell({ event: "log", level: "INFO", message }),
      });
      const digest = edits ? withEdits(whole, edits) : whole;
      if (digest.items.length === 0)
        fail("not_found", `no paper of ${month} could be chosen`, { where: settings.papers });
      for (const [name, content] of [
        ["digest.json", `${JSON.stringify(digest, null, 1)}\n`],
        ["digest.md", markdown(digest)],
        ["digest.html", html(digest)],
        ["digest.txt", plainText(digest)],
      ] as const) {
        await writeFileSafely(join(out, name), content);
      }
      const sentences = digest.items.flatMap(({ why, insights }) => [why, ...insights]);
      const loose = sentences.filter(({ by, spans }) => by !== "person" && spans.length === 0).length;
      const fresh = wholeMonth(store, month);
      tell({ event: "metric", name: "papers", value: digest.items.length });
      tell({ event: "metric", name: "candidates", value: digest.counts.candidates });
      tell({ event: "metric", name: "replaced", value: digest.items.reduce((sum, { replaced }) => sum + replaced, 0) });
      tell({
        ...{ event: "check", name: "sources_fresh", passed: fresh, severity: "WARN" },
        about: fresh ? `${month} is whole in the store` : `not all papers of ${month} are known`,
      });
      tell({
        ...{ event: "check", name: "provenance_complete", passed: loose === 0 },
        about: `${loose} of ${sentences.length} sentences have no place in their abstract`,
      });
      const lines = digest.items
        .slice(0, 18)
        .map(({ rank, title }) => `${rank}. ${title.replace(/[\\`*_[\]<>]/g, "\\$&")}`);
      tell({ event: "preview", markdown: [digest.growth, "", ...lines].join("\n") });
    });
  },
});
