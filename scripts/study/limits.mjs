/**
 * The limits of pre-training (Abnar et al. 2021) at a small size, as a study: models of three families learn to tell 964
 * characters of Omniglot; after 1, 2, 4 and 8 epochs a linear classifier of their frozen features learns six other tasks from
 * 1, 5 and 25 examples of each class, and the official one-shot tasks are answered by similarity. A further stage trains one
 * model long with other weight decays of its head. The report tests the paper's claims.
 *
 *   ZEROTH_VISION=FOLDER npx zeroth study run scripts/study/limits.mjs --workers 2
 *   ZEROTH_VISION=FOLDER npx zeroth study report scripts/study/limits.mjs
 *
 * FOLDER holds omniglot/, mnist-t10k/, notmnist-10k/, kannada-10k/, dig-mnist-10k/, fashion10-900/ and fashion5-5k/, each with
 * images and labels as IDX files (.gz). `--quick` trains four models for two epochs.
 */
import { claims } from "./limits/claims.mjs";
import { dataFiles } from "./limits/data.mjs";
import { fewshot } from "./limits/probe.mjs";
import { pretrain } from "./limits/train.mjs";

const rates = { vit: [0.001, 0.002], mixer: [0.002, 0.004], resnet: [0.003, 0.006] };
const data = dataFiles();

/** Seconds of an epoch of a family's sizes beside each other. */
const dear = { vit: [2, 4, 9], mixer: [1, 2, 5], resnet: [4, 8, 20] };

export default {
  name: "limits",
  version: 1,
  metrics: { upstream: "max", accuracy: "max" },
  stages: {
    pretrain: {
      factors: {
        family: ["vit", "mixer", "resnet"],
        size: [1, 2, 3],
        rate: [0.001, 0.002, 0.003, 0.004, 0.006],
        fraction: [0.25, 1],
        epochs: [8],
      },
      where: ({ family, rate }) => rates[family].includes(rate),
      cost: ({ family, size, fraction, epochs }) => dear[family][size - 1] * fraction * epochs,
      data,
      run: pretrain,
    },
    fewshot: {
      needs: "pretrain",
      factors: { checkpoint: [1, 2, 4, 8] },
      where: ({ checkpoint, epochs }) => checkpoint <= epochs,
      data,
      run: fewshot,
    },
    head: {
      factors: {
        family: ["mixer"],
        size: [3],
        rate: [0.003],
        headDecay: [0.03, 0.3, 1, 5],
        fraction: [1],
        epochs: [24],
      },
      cost: ({ epochs }) => epochs,
      data,
      run: pretrain,
    },
    headshot: {
      needs: "head",
      factors: { checkpoint: [24] },
      where: ({ checkpoint, epochs }) => checkpoint === epochs,
      data,
      run: fewshot,
    },
  },
  quick: {
    pretrain: { family: ["mixer", "resnet"], size: [1], epochs: [2], fraction: [0.0625] },
    head: { size: [1], epochs: [2], fraction: [0.0625], headDecay: [0.03, 5] },
    headshot: { checkpoint: [2] },
  },
  analyses: [
    {
      kind: "transfer",
      title: "Accuracy downstream over accuracy upstream",
      us: "upstream",
      ds: "accuracy",
      group: ["task", "shots"],
      by: "family",
      where: { stage: "fewshot", probe: "last" },
    },
    {
      kind: "curve",
      title: "Features of each layer, 25 examples of a class, after the last epoch",
      x: "depth",
      y: "accuracy",
      by: "family",
      group: ["task"],
      where: { stage: "fewshot", probe: "layer" },
    },
    {
      kind: "curve",
      title: "Weight decay of the pre-training head, long training",
      x: "headDecay",
      y: "accuracy",
      by: "task",
      scale: "log",
      where: { stage: "headshot", probe: "last", shots: 25 },
    },
    {
      kind: "curve",
      title: "Weight decay of the pre-training head: accuracy upstream",
      x: "headDecay",
      y: "upstream",
      scale: "log",
      where: { stage: "headshot", probe: "last", shots: 25 },
    },
    {
      kind: "table",
      title: "Accuracy upstream by family, size and share of the data",
      rows: ["family", "size", "fraction"],
      columns: "checkpoint",
      score: "upstream",
      where: { stage: "fewshot", probe: "last", shots: 25, task: "mnist" },
    },
  ],
  claims,
};
