/** `zeroth vision`: what is in pictures, pictures as vectors, and classes learnt from a few of them. */
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine, model, rows } from "../options.ts";

const words = ["classify", "embed", "fewshot"] as const;

export default defineCommand({
  group: "use",
  summary: "Pictures: what is in them, their vectors, classes learnt from a few of each",
  arguments: "<classify|embed|fewshot> [image...]",
  words,
  options: [
    model,
    ...rows,
    { flags: "--top <n>", help: "classify: so many classes of each picture, the likeliest first (5)", as: "integer" },
    {
      flags: "--layer <n>",
      help: "embed, fewshot: of this layer's output, 0 for the embeddings; the last",
      as: "integer",
    },
    {
      flags: "--pool <mode>",
      help: "embed, fewshot: a layer's vector as the classifier reads it (head), its mean, or its first token (cls)",
      values: ["head", "mean", "cls"],
    },
    { flags: "--size <pixels>", help: "pictures of so many pixels a side: positions are interpolated", as: "integer" },
    { flags: "--data <path>", help: "fewshot: a folder with a folder for each class, or an IDX file of pictures" },
    { flags: "--shots <n>", help: "fewshot: examples of each class to learn from (10)", as: "integer" },
    { flags: "--test <n>", help: "fewshot: at most so many of the others to test on (1000)", as: "integer" },
    ...engine,
  ],
  rows: '`{"image"}` → `classify`: `{"labels":[{"label","score"}],"logits":[…]}`, `embed`: `{"embedding":[…]}`; `fewshot`: `{"shots","accuracy","n","lambda"}`',
  example: "zeroth vision classify --model google/vit-base-patch16-224 cat.jpg",
  async run({ args: [action, ...images], flags, output, signal }) {
    const { oneOf } = await import("../parse.ts");
    const chosen = oneOf("zeroth vision", action ?? "", words);
    if (flags.model === undefined) {
      fail("wrong_use", "--model is needed: zeroth-nano answers prompts and sees no pictures", {
        hint: "for example --model google/vit-base-patch16-224",
      });
    }
    for (const [name, value] of Object.entries({ "--top": flags.top, "--shots": flags.shots, "--test": flags.test })) {
      if (value !== undefined && value < 1) fail("wrong_use", `${name} is ${value}; expected a number above 0`);
    }
    if (chosen === "fewshot") {
      if (images.length > 0) fail("wrong_use", "fewshot takes its pictures from --data");
      const { fewShotCommand } = await import("../vision/fewshot.ts");
      return fewShotCommand({ ...flags, model: flags.model }, output, signal);
    }
    if (images.length === 0 && !flags.input) {
      fail("wrong_use", "there is no picture", { hint: `try: zeroth vision ${chosen} --model NAME picture.png` });
    }
    if (images.length > 0 && flags.input) fail("wrong_use", "give pictures or --input, not both");
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { asKnown } = await import("../report.ts");
    const { openVisionForCommand } = await import("../vision/open.ts");
    const given = images.map((image) => ({ image }));
    const job = await openRowJob(`vision ${chosen}`, { flags, given, output, signal });
    if (job === undefined) return 0;
    await using opened = await openVisionForCommand({ ...flags, model: flags.model }, output, signal);
    const { folder, weights } = opened.opened;
    const labels = opened.architecture.labels ?? [];
    const told = new Set<string>();
    return job.run({
      model: modelOf({ name: flags.model, folder, weights }),
      things: "pictures",
      async batch(inputs, { onDone }) {
        const read = await Promise.all(
          inputs.map(async (row) => {
            if (row instanceof ZerothError) return row;
            try {
              const path = textOf(row, "image");
              return { path, ...(await opened.read(path)) };
            } catch (error) {
              return asKnown(error) ?? Promise.reject(error);
            }
          }),
        );
        const good = read.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
        for (const { path, notes } of good) {
          for (const note of notes) if (!told.has(path + note)) output.say(`${path}: ${note}`);
          for (const note of notes) told.add(path + note);
        }
        const pixels = good.map((one) => one.pixels);
        const options = { signal, onDone };
        const results =
          chosen === "classify"
            ? (await opened.classify(pixels, options)).map(({ logits, scores }) => {
                const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
                const best = order.slice(0, flags.top ?? 5).map((i) => ({ label: labels[i]!, score: scores[i]! }));
                const lines = best.map(({ label, score }) => `  ${score.toFixed(4)}  ${label}\n`);
                return { row: { labels: best, logits: [...logits] }, text: lines.join("") };
              })
            : (await opened.features(pixels, { ...options, layer: flags.layer, pool: flags.pool })).map((vector) => {
                const numbers = Array.from(vector, (value) => Number(value.toPrecision(9)));
                return { row: { embedding: numbers }, text: `${numbers.join("\t")}\n` };
              });
        return read.map((one) => {
          if (one instanceof ZerothError) return one;
          const { row, text } = results.shift()!;
          const head = chosen === "classify" && read.length > 1 ? `${one.path}\n` : "";
          return { row: { ...(!flags.input && { image: one.path }), ...row }, show: () => output.text(head + text) };
        });
      },
    });
  },
});
