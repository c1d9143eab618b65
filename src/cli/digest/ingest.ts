/** `zeroth digest ingest`. */
import type { HarvestOptions } from "../../digest/harvest-node.ts";
import { ingestFile } from "../../digest/ingest-node.ts";
import type { Counts } from "../../digest/store/store-node.ts";
import { fail } from "../../errors.ts";
import { withHint } from "../report.ts";
import { type Call, needStore, within } from "./call.ts";

const addresses = { oai: "https://oaipmh.arxiv.org/oai", atom: "https://export.arxiv.org/api/query" } as const;

export async function ingest(call: Call): Promise<number> {
  const { path, flags, output, signal } = call;
  const store = needStore(call);
  const { source } = flags;
  if (source === undefined)
    fail("wrong_use", "--source is needed: kaggle, oai, atom, jsonl or citations", { hint: "docs/digest.md" });
  const noticed = (what: string, count: number): void => output.say(`${what}: ${count.toLocaleString("en")}`);
  const progress = ({ records }: Counts): void => output.progress(`${records.toLocaleString("en")} records`);
  const remote = path === undefined || /^https?:\/\//i.test(path);
  let counts: Counts;
  if ((source === "oai" || source === "atom") && remote) {
    const { harvestAtom, harvestOai } = await import("../../digest/harvest-node.ts");
    const { proxiedFetch } = await import("../../hub/download/fetch-node.ts");
    const { hubSettings } = await import("../../hub/download/settings.ts");
    const shared = {
      ...{ store, address: path ?? addresses[source], signal },
      fetch: await proxiedFetch(hubSettings(process.env, () => undefined)),
      pause: within("pause", flags.pause, 0, 3600, 3) * 1000,
      onRetry: ({ why, wait }: { why: string; wait: number }) =>
        output.say(`${why}; again in ${Math.ceil(wait / 1000)} s`),
      events: {
        ...{ noticed, progress },
        window: (from: string, until: string) => output.progress(from === until ? from : `${from} to ${until}`),
        restarted: (window: string) => output.say(`${window}: the server has forgotten where we were; from its start`),
      },
    } satisfies Partial<HarvestOptions>;
    const { set, prefix, from, until, query } = flags;
    const hint = "what was fetched is kept: the same command goes on where it ended";
    if (source === "oai") {
      const days = within("days", flags.days, 1, 366, 1);
      counts = await withHint(hint, () => harvestOai({ ...shared, set, prefix, from, until, days }));
    } else {
      if (query === undefined)
        fail("wrong_use", "--query is needed", {
          hint: "for example --query 'cat:cs.CL AND submittedDate:[202111010000 TO 202111302359]'",
        });
      counts = await withHint(hint, () => harvestAtom({ ...shared, query }));
    }
  } else {
    if (path === undefined)
      fail("wrong_use", "there is no file to read", {
        hint: `zeroth digest ingest --source ${source} FILE --store ${store}`,
      });
    counts = await ingestFile({ store, source, path, signal, events: { noticed, progress } });
  }
  output.row(counts);
  const { records, new: fresh, changed, deleted } = counts;
  const told = [
    `${records.toLocaleString("en")} records`,
    source === "citations"
      ? `${changed.toLocaleString("en")} of papers in the store`
      : `${fresh.toLocaleString("en")} new, ${changed.toLocaleString("en")} changed, ${deleted.toLocaleString("en")} deleted`,
  ];
  output.text(`${output.bold(store)}: ${told.join(", ")}\n`);
  return 0;
}
