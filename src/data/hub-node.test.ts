/** Data sets from a hub on this machine, and which of their files hold a split. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HubServer, startHub } from "../../test/support/hub-server.js";
import { makePipe } from "../../test/support/pipe.ts";
import { findDataSet } from "./hub-node.ts";
import { chooseSplit } from "./split-files.ts";

describe("the files of a split", () => {
  const choose = (names: string[], split: string, subset?: string) =>
    chooseSplit(names, { split, subset }, "datasets/a/b");

  test.each([
    [
      "shards",
      [
        "data/train-00001-of-00002.parquet",
        "data/train-00000-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
        "README.md",
      ],
      "train",
      undefined,
      ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    ],
    [
      "a subset's folder",
      ["mrpc/train-00000-of-00001.parquet", "qqp/train-00000-of-00001.parquet"],
      "train",
      "qqp",
      ["qqp/train-00000-of-00001.parquet"],
    ],
    ["a subset in the name", ["mrpc-train.csv", "qqp-train.csv"], "train", "mrpc", ["mrpc-train.csv"]],
    ["other words for it", ["dev.jsonl", "train.jsonl", "test.jsonl"], "validation", undefined, ["dev.jsonl"]],
    ["a word of the name", ["imdb_train.csv", "imdb_test.csv"], "train", undefined, ["imdb_train.csv"]],
    [
      "a folder",
      ["plain_text/train/0000.parquet", "plain_text/train/0001.parquet", "plain_text/test/0000.parquet"],
      "train",
      undefined,
      ["plain_text/train/0000.parquet", "plain_text/train/0001.parquet"],
    ],
    [
      "rounds are splits of their own",
      ["plain_text/train_r1-00000-of-00001.parquet", "plain_text/train_r2-00000-of-00001.parquet"],
      "train_r2",
      undefined,
      ["plain_text/train_r2-00000-of-00001.parquet"],
    ],
    ["one format", ["train.csv", "train.jsonl.gz", "train.parquet"], "train", undefined, ["train.parquet"]],
    ["no split at all", ["rows.jsonl", "more.jsonl"], "train", undefined, ["more.jsonl", "rows.jsonl"]],
    [
      "the repository's own before its subsets",
      ["data/train.jsonl", "extra/train.jsonl"],
      "train",
      undefined,
      ["data/train.jsonl"],
    ],
  ])("%s", (_, names, split, subset, expected) => {
    expect(choose(names, split, subset)).toEqual(expected);
  });

  test.each([
    [["mrpc/train.csv", "qqp/train.csv"], "train", undefined, "bad_input", /2 subsets/],
    [["train.csv"], "test", undefined, "not_found", /no file holds the split "test"/],
    [["train.csv"], "train", "qqp", "not_found", /no file belongs to the subset "qqp"/],
    [["squad.py", "README.md"], "train", undefined, "not_found", /holds no .parquet/],
    [["train-00000-of-00002.parquet"], "train", undefined, "not_found", /1 of the 2 parts/],
  ])("%j: %s of %s is refused", (names, split, subset, code, message) => {
    const work = () => choose(names, split, subset);
    expect(work).toThrow(message);
    expect(work).toThrow(expect.objectContaining({ code }));
  });
});

describe("from a hub", () => {
  let home: string;
  let hub: HubServer;
  const env = () => ({ HF_HOME: home, HF_ENDPOINT: hub.url });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "zeroth-data-"));
    const rows = (name: string) => Buffer.from(`{"text":"${name} ${"x".repeat(2000)}"}\n`);
    const files = {
      "train-00000-of-00002.jsonl": rows("a"),
      "train-00001-of-00002.jsonl": rows("b"),
      "dev.jsonl": rows("c"),
    };
    hub = await startHub({ "datasets/acme/reviews": { files } });
  });
  afterEach(async () => {
    await hub.close();
    await rm(home, { recursive: true, force: true });
  });

  test("a split is downloaded where Python would look for it, once, and no other file is", async () => {
    const paths = await findDataSet("acme/reviews", { split: "train" }, { env: env() });
    expect(paths.map((path) => readFileSync(path, "utf8").slice(9, 10))).toEqual(["a", "b"]);
    const root = join(home, "hub/datasets--acme--reviews");
    expect(paths[0]!.startsWith(join(root, "snapshots"))).toBe(true);
    expect(existsSync(join(root, "refs/main"))).toBe(true);
    expect(hub.requests.filter(({ file }) => file === "dev.jsonl")).toEqual([]);
    const before = hub.requests.length;
    const offline = { ...env(), HF_HUB_OFFLINE: "1" };
    expect(await findDataSet("acme/reviews", { split: "train" }, { env: offline })).toEqual(paths);
    expect(hub.requests.length).toBe(before);
    await expect(findDataSet("acme/reviews", { split: "validation" }, { env: offline })).rejects.toThrow(
      /split "validation"/,
    );
    // With a network, what the cache lacks is fetched beside it.
    expect(await findDataSet("acme/reviews", { split: "validation" }, { env: env() })).toHaveLength(1);
  });

  test.skipIf(process.platform === "win32")(
    "a cache that leads elsewhere is refused, and no pipe is waited for",
    async () => {
      const root = join(home, "hub/datasets--acme--reviews");
      const snapshot = join(root, "snapshots", "abc");
      mkdirSync(snapshot, { recursive: true });
      mkdirSync(join(root, "refs"));
      writeFileSync(join(home, "train.jsonl"), "{}\n");
      const offline = { ...env(), HF_HUB_OFFLINE: "1" };
      const find = () => findDataSet("acme/reviews", { split: "train" }, { env: offline });
      makePipe(join(root, "refs", "main"));
      await expect(find()).rejects.toMatchObject({ code: "corrupt_file", message: /main: is not a file/ });
      rmSync(join(root, "refs", "main"));
      writeFileSync(join(root, "refs", "main"), "abc\n");
      symlinkSync(join(home, "train.jsonl"), join(snapshot, "train.jsonl"));
      await expect(find()).rejects.toMatchObject({ code: "corrupt_file", message: /link that leads outside/ });
      rmSync(join(snapshot, "train.jsonl"));
      writeFileSync(join(snapshot, "train.jsonl"), "{}\n");
      expect(await find()).toEqual([join(snapshot, "train.jsonl")]);
      renameSync(join(root, "refs"), join(home, "refs"));
      symlinkSync(join(home, "refs"), join(root, "refs"));
      await expect(find()).rejects.toMatchObject({ code: "corrupt_file", message: /leads out of the cache/ });
    },
  );

  test("a name that the hub has not", async () => {
    const work = findDataSet("acme/nothing", { split: "train" }, { env: env() });
    await expect(work).rejects.toMatchObject({ code: "not_found", where: "datasets/acme/nothing" });
  });
});
