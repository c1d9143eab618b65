/**
 * A bigger model, or more labels (Kirstain et al. 2021)? On real labelled sets, from scratch: a text classifier of growing
 * width (embeddings, a convolution over three words, the largest and the mean of each channel) learns from 32 to 2048 labels.
 * The labels are the whole budget: a part of them is kept back to choose the epoch, and test rows are looked at once.
 *
 *   ZEROTH_TEXT=FOLDER npx zeroth study run scripts/study/grow.mjs --workers 2
 *   ZEROTH_TEXT=FOLDER npx zeroth study report scripts/study/grow.mjs
 *   npx zeroth study advise --input grow.study/report.csv --size parameters --labels labels --score accuracy --group task \
 *     --at model=PARAMETERS,n=512 --label-cost 0.2 --growth-cost 60 --test-items 500
 *
 * FOLDER holds train/trec.*, sst2.*, subj.* and ag_news.* as JSON Lines (.gz). `--quick` does two widths of one task.
 */
import { claims, dataFiles, learn } from "./grow/learn.mjs";

export default {
  name: "grow",
  version: 1,
  metrics: { accuracy: "max" },
  factors: {
    task: ["trec", "sst2", "subj", "ag_news"],
    width: [8, 32, 128, 256],
    labels: [32, 128, 512, 2048],
    seed: [42, 43, 44],
  },
  cost: ({ width, labels }) => (width + 16) * (labels + 200),
  data: dataFiles(),
  run: learn,
  quick: { run: { task: ["trec"], width: [8, 32], labels: [32, 128], seed: [42, 43] } },
  analyses: [
    {
      kind: "grid",
      title: "Test accuracy by size and labels",
      size: "parameters",
      labels: "labels",
      score: "accuracy",
      group: ["task"],
    },
    { kind: "curve", title: "More labels", x: "labels", y: "accuracy", by: "width", group: ["task"], scale: "log" },
    { kind: "table", title: "Epoch that was chosen", rows: ["task", "width"], columns: "labels", score: "epoch" },
  ],
  claims,
};
