/** `zeroth vision`: what is in pictures and clips, their vectors, where a model looks, classes learnt from a person's own. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine, model, rows } from "../options.ts";

const words = ["classify", "embed", "explain", "fewshot", "finetune"] as const;

export default defineCommand({
  group: "use",
  summary: "Pictures and clips: what is in them, their vectors, where a model looks, classes of your own",
  arguments: "<classify|embed|explain|fewshot|finetune> [image...]",
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
    { flags: "--layers <all>", help: "fewshot: of every layer, to find the best", values: ["all"] },
    {
      flags: "--pool <mode>",
      help: "embed, fewshot: a layer's vector as the classifier reads it (head), its mean, or its first token (cls)",
      values: ["head", "mean", "cls"],
    },
    { flags: "--size <pixels>", help: "pictures of so many pixels a side: positions are interpolated", as: "integer" },
    {
      flags: "--views <TxS>",
      help: "classify: the mean of T windows of a clip times S crops (1 or 3) of its longer side, such as 4x3",
    },
    { flags: "--stride <n>", help: "--views: frames from one that is looked at to the next", as: "integer" },
    { flags: "--repeat-last", help: "clips with fewer frames than the model takes show their last one again" },
    {
      flags: "--method <way>",
      help: "explain: attention, or gradient of a class's score; finetune: full (default), head, lora",
      values: ["attention", "gradient", "full", "head", "lora"],
    },
    { flags: "--label <n>", help: "explain: the gradient of this class, counted from 0; the likeliest", as: "integer" },
    { flags: "--out <path>", help: "explain: the PNG that is written; finetune: the model's folder" },
    {
      flags: "--data <path>",
      help: "fewshot, finetune: a folder with a folder for each class, an IDX file of pictures, or rows of file,label",
    },
    { flags: "--shots <n>", help: "fewshot: examples of each class to learn from (10)", as: "integer" },
    { flags: "--test <n>", help: "fewshot: at most so many of the others to test on (1000)", as: "integer" },
    { flags: "--config <file>", help: "finetune: a project's folder or its config.json; options given here go before" },
    { flags: "--eval <path>", help: "finetune: pictures to judge by, in any form of --data" },
    { flags: "--split <share>", help: "finetune: without --eval, hold out this share (0.1)", as: "number" },
    { flags: "--freeze <n>", help: "finetune: leave the embeddings and the first n layers as they are", as: "integer" },
    { flags: "--layer-decay <x>", help: "finetune: a layer's rate is x times the next one's (1)", as: "number" },
    { flags: "--rank <r>", help: "finetune, lora: rank (8)", as: "integer" },
    {
      flags: "--targets <a,b>",
      help: "finetune, lora: ends of products' names, or all-linear (query,value)",
      as: "list",
    },
    {
      flags: "--augment <ops>",
      help: "finetune: what is done to a picture in training, such as 'random_resized_crop(0.05,1)|flip_lr', or none",
    },
    { flags: "--lr <rate>", help: "finetune: learning rate (sgd 0.03, adamw 1e-3)", as: "number" },
    { flags: "--optimizer <name>", help: "finetune: sgd (default), adamw", values: ["sgd", "adamw"] },
    {
      flags: "--schedule <name>",
      help: "finetune: cosine (default), linear, constant",
      values: ["cosine", "linear", "constant"],
    },
    { flags: "--warmup <steps>", help: "finetune: steps in which the rate rises (a tenth)", as: "integer" },
    { flags: "--batch <n>", help: "finetune: pictures a step (32)", as: "integer" },
    { flags: "--epochs <n>", help: "finetune: passes over the pictures (10)", as: "integer" },
    { flags: "--steps <n>", help: "finetune: instead of epochs", as: "integer" },
    { flags: "--patience <n>", help: "finetune: end after n evaluations without a better one", as: "integer" },
    { flags: "--eval-every <steps>", help: "finetune: evaluate after so many steps (an epoch)", as: "integer" },
    { flags: "--weight-decay <rate>", help: "finetune: decay of weights (0)", as: "number" },
    { flags: "--clip <norm>", help: "finetune: greatest norm of the gradients (1)", as: "number" },
    { flags: "--dropout <rate>", help: "finetune: in training (the model's own)", as: "number" },
    { flags: "--smoothing <share>", help: "finetune: of a label, spread over all classes (0)", as: "number" },
    {
      flags: "--mixup <alpha>",
      help: "finetune: pairs of pictures mixed by a share of Beta(alpha, alpha) (0)",
      as: "number",
    },
    { flags: "--seed <n>", help: "finetune: order, crops and starts follow from it (0)", as: "integer" },
    ...engine,
  ],
  rows: '`{"image"}` → `classify`: `{"labels":[{"label","score"}],"logits":[…]}`, `embed`: `{"embedding":[…]}`; `explain`: `{"image","method","label"?,"out"}`; `fewshot`: `{"layer"?,"shots","accuracy","n","lambda"}` (a layer a row); `finetune`: `{"step","loss","lr",…}` a step, `{"step","eval_accuracy","eval_top5","eval_loss"}` an evaluation, last `{"done":true,"model","best","trainable","parameters"}`',
  example: "zeroth vision classify --model google/vit-base-patch16-224 cat.jpg",
  async run({ args: [action, ...images], flags, output, signal }) {
    const { oneOf } = await import("../parse.ts");
    const chosen = oneOf("zeroth vision", action ?? "", words);
    for (const [name, value] of Object.entries({
      "--top": flags.top,
      "--shots": flags.shots,
      "--test": flags.test,
      "--stride": flags.stride,
    })) {
      if (value !== undefined && value < 1) fail("wrong_use", `${name} is ${value}; expected a number above 0`);
    }
    if (chosen === "finetune") {
      if (images.length > 0) fail("wrong_use", "finetune takes its pictures from --data");
      const { finetuneCommand } = await import("../vision/finetune.ts");
      return finetuneCommand(flags, output, signal);
    }
    const model = flags.model;
    if (model === undefined) {
      return fail("wrong_use", "--model is needed: zeroth-nano answers prompts and sees no pictures", {
        hint: "for example --model google/vit-base-patch16-224",
      });
    }
    if (chosen === "fewshot") {
      if (images.length > 0) fail("wrong_use", "fewshot takes its pictures from --data");
      const { fewShotCommand } = await import("../vision/fewshot.ts");
      return fewShotCommand({ ...flags, model }, output, signal);
    }
    if (chosen === "explain") {
      const { explainCommand } = await import("../vision/explain.ts");
      return explainCommand(images, { ...flags, model }, output, signal);
    }
    if (images.length === 0 && !flags.input) {
      fail("wrong_use", "there is no picture", { hint: `try: zeroth vision ${chosen} --model NAME picture.png` });
    }
    if (images.length > 0 && flags.input) fail("wrong_use", "give pictures or --input, not both");
    const { picturesCommand } = await import("../vision/pictures.ts");
    return picturesCommand(chosen, images, { ...flags, model }, output, signal);
  },
});
