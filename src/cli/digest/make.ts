/** `zeroth digest make`. */
import { jsonLimits } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { withEdits } from "../../digest/edited.ts";
import { type Edits, parseEdits } from "../../digest/edits.ts";
import { makeDigest, needMonth } from "../../digest/make-node.ts";
import { parseId } from "../../digest/papers/ids.ts";
import { reasonsLine } from "../../digest/render/words.ts";
import type { TextEmbedder } from "../../digest/select/choose-node.ts";
import { defaultWeights, type Feature, featureNames } from "../../digest/select/select.ts";
import { keepDigest, keptEdits } from "../../digest/store/digests-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { itemSettings, type Writer } from "../../digest/write/write.ts";
import { fail } from "../../errors.ts";
import { openForCommand, openReaderForCommand } from "../engine.ts";
import { oneOf } from "../parse.ts";
import { type Call, chosenGroup, needStore, within } from "./call.ts";

function weightsOf(list: readonly string[] | undefined): Partial<Record<Feature, number>> {
  const weights: Partial<Record<Feature, number>> = {};
  for (const entry of list ?? []) {
    const [name = "", value = ""] = entry.split("=");
    const weight = Number(value);
    if (value.trim() === "" || !(weight >= 0 && weight <= 1000))
      fail("wrong_use", `--weights ${entry.slice(0, 60)}: expected a signal and how much it counts`, {
        hint: `for example --weights citations=${defaultWeights.citations},venue=0`,
      });
    weights[oneOf("--weights", name.trim(), featureNames)] = weight;
  }
  return weights;
}

const idsOf = (name: string, list: readonly string[] = []): string[] =>
  list.map((text) => parseId(text)?.id ?? fail("wrong_use", `--${name} ${text.slice(0, 60)}: is no arXiv id`));

async function writerOf({ flags, output, signal }: Call): Promise<{ write: Writer; name: string } & AsyncDisposable> {
  const opened = await openForCommand(flags, output, signal);
  return {
    name: opened.name,
    write: async (prompt, stop) => (await opened.text.generate(prompt, { ...itemSettings, signal: stop })).text,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function embedderOf(name: string, { flags, output, signal }: Call): Promise<TextEmbedder & AsyncDisposable> {
  const { createHash } = await import("node:crypto");
  const opened = await openReaderForCommand({ ...flags, model: name }, output, signal);
  const told = [...opened.weights.values()].map((stored) =>
    "file" in stored ? `${stored.file} ${stored.offset}` : "",
  );
  return {
    fingerprint: createHash("sha256")
      .update(JSON.stringify([name, told]))
      .digest("hex")
      .slice(0, 32),
    async embed(texts, stop) {
      const vectors = await opened.encoder.embedAll(texts, { signal: stop, truncate: true });
      return vectors.map((vector) => {
        if (vector instanceof Float32Array) return vector;
        throw vector;
      });
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

export async function make(call: Call): Promise<number> {
  const { flags, output, signal } = call;
  const month = needMonth(
    flags.month ?? fail("wrong_use", "--month is needed", { hint: "for example --month 2021-11" }),
  );
  const group = chosenGroup(call);
  const top = within("top", flags.top, 1, 100, 8);
  const delay = within("delay", flags.delay, 0, 24, 0);
  const months = within("months", flags.months, 1, 12, 1);
  const misses = within("misses", flags.misses, 0, 1000, 10);
  const weights = weightsOf(flags.weights);
  const given =
    flags.edits === undefined ? undefined : parseEdits(readJsonFile(flags.edits, jsonLimits.config), flags.edits);
  const store = openStore(needStore(call));
  try {
    if (given !== undefined && (given.month !== month || given.group !== group.name))
      fail("bad_input", `are edits of ${given.group}, ${given.month}`, {
        where: flags.edits!,
        hint: "--month and --group say which digest is made",
      });
    const edits: Edits | undefined = given ?? keptEdits(store, group.name, month);
    await using writer = flags.extract ? undefined : await writerOf(call);
    await using embedder = flags.encoder === undefined ? undefined : await embedderOf(flags.encoder, call);
    const made = await makeDigest(store, {
      ...{ month, group, top, delay, months, misses, weights, embedder, signal },
      pin: [...(edits?.order ?? []), ...idsOf("pin", flags.pin)],
      ban: [...(edits?.drop ?? []), ...idsOf("ban", flags.ban)],
      ...{ interest: flags.interest, surveys: flags.surveys, seed: flags.seed, keepUnsupported: flags.keepUnsupported },
      writer: writer?.write,
      writerName: writer?.name,
      progress: (text) => output.progress(text),
    });
    const digest = edits ? withEdits(made, edits) : made;
    keepDigest(store, digest, given);
    for (const item of digest.items) {
      const { id, rank, score, reasons, title } = item;
      output.row({ id, rank, score, reasons, title });
      output.text(
        `${String(rank).padStart(2)}  ${output.bold(title)}\n    ${output.dim(`${id} · ${score.toFixed(3)} · ${reasonsLine(item)}`)}\n`,
      );
    }
    const { candidates } = digest.counts;
    const replaced = digest.items.reduce((sum, item) => sum + item.replaced, 0);
    output.row({ done: true, month, papers: digest.items.length, candidates, notes: digest.notes });
    output.text(`${digest.growth}\n${digest.notes.map((note) => `${note}\n`).join("")}`);
    if (writer) {
      const own = digest.items.filter(({ why }) => why.by === "model").length;
      output.say(
        own === 0
          ? `${writer.name} wrote nothing that could be used: all sentences are of the abstracts`
          : `${writer.name} wrote ${own} of ${digest.items.length} items, ${replaced} sentences of it were replaced`,
      );
    }
    output.say(
      `zeroth digest render --store ${store.path} --month ${month}${flags.group ? ` --group ${flags.group}` : ""} --format html`,
    );
    return 0;
  } finally {
    store.close();
  }
}
