/** `zeroth digest count`. */
import { writeFileSafely } from "../../base/files-node.ts";
import { growthChart } from "../../digest/count/chart.ts";
import { growthSentence, percent, trends, withGrowth } from "../../digest/count/count.ts";
import { countPapers, readCounts } from "../../digest/count/count-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { type Call, chosenGroup, needStore } from "./call.ts";

export async function count(call: Call): Promise<number> {
  const { flags, output } = call;
  const { by = "year", table, approximate, plot } = flags;
  const group = chosenGroup(call);
  const { name, series } = group;
  const counts = withGrowth(table === undefined ? counted() : readCounts(table, group, by), series);
  function counted() {
    const store = openStore(needStore(call));
    try {
      return countPapers(store, group, by);
    } finally {
      store.close();
    }
  }
  for (const { period, listed, primary, growth, whole } of counts) {
    output.row({
      period,
      listed,
      primary,
      ...(growth !== undefined && { growth }),
      ...(whole ? {} : { partial: true }),
    });
    const columns = [listed, primary].map((n) => n.toLocaleString("en").padStart(10)).join("");
    output.text(
      `${period.padEnd(8)}${columns}${(growth === undefined ? (whole ? "" : "partial") : percent(growth)).padStart(10)}\n`,
    );
  }
  const sentence = growthSentence(counts, { name, series, approximate });
  const { trailing, toDate } = by === "month" ? trends(counts, series) : {};
  output.row({
    ...{ done: true, sentence },
    ...(trailing !== undefined && { trailing }),
    ...(toDate !== undefined && { toDate }),
  });
  output.text(`${output.dim("period      listed   primary    growth")}\n${sentence}\n`);
  if (trailing !== undefined) output.text(`The last twelve months: ${percent(trailing)}.\n`);
  if (plot !== undefined) {
    await writeFileSafely(
      plot,
      growthChart(counts, {
        title: `${name} papers a ${by}`,
        description: sentence,
        series,
        most: by === "year" ? 15 : 36,
      }),
    );
    output.say(`written: ${plot}`);
  }
  return 0;
}
