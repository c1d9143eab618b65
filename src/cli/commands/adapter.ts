/** `zeroth adapter`: look at an adapter, write it in another form, merge LoRA into its model. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { model } from "../options.ts";

const words = ["inspect", "convert", "merge"] as const;

export default defineCommand({
  group: "models",
  summary: "Adapters: look at one, write it in another form, merge LoRA into its model",
  arguments: "<inspect|convert|merge> <adapter>",
  words,
  options: [
    model,
    { flags: "--out <folder>", help: "convert, merge: where to write; convert also to a .npy file" },
    {
      flags: "--head <name>",
      help: "convert: what the head of a P-tuning v2 checkpoint tells",
      values: ["sequence", "tokens", "span"],
    },
    { flags: "--labels <a,b>", help: "convert: names of its classes", as: "list" },
    { flags: "--strict", help: "refuse a model other than the one that the adapter was made over" },
  ],
  rows: '`inspect`: `{"method","peft_type","head","labels","parameters","base","tensors","warnings"}`; `convert`, `merge`: `{"file"}` a file, last `{"done":true,"adapter"|"model"}`',
  example: "zeroth adapter convert my-prompt.npy --model google/t5-v1_1-small --out my-adapter",
  async run({ args: [action, path, ...more], flags, output }) {
    const { oneOf } = await import("../parse.ts");
    const chosen = oneOf("zeroth adapter", action ?? "", words);
    if (path === undefined) fail("wrong_use", "no adapter was named", { hint: `try: zeroth adapter ${chosen} FOLDER` });
    if (more.length > 0) fail("wrong_use", `one adapter at a time; there is also ${more.join(", ")}`);
    const { convertAdapter, inspectAdapter, mergeAdapter } = await import("../../tune/adapters-node.ts");
    const strict = { strict: flags.strict ?? false };
    if (chosen === "inspect") {
      const about = inspectAdapter(path, flags.model, strict);
      output.row(about);
      for (const warning of about.warnings) output.say(`warning: ${warning}`);
      const lines = [
        `method      ${about.method}${about.peft_type ? ` (${about.peft_type})` : ""}`,
        `base        ${about.base ?? "not said"}`,
        `numbers     ${about.parameters.toLocaleString("en")}`,
        ...(about.head
          ? [`head        ${about.head}${about.labels ? `: ${about.labels.slice(0, 12).join(", ")}` : ""}`]
          : []),
        ...about.tensors.map(({ name, shape }) => `  ${name}  [${shape.join(", ")}]`),
      ];
      output.text(`${lines.join("\n")}\n`);
      return 0;
    }
    const { model: base, out } = flags;
    if (base === undefined) fail("wrong_use", "--model is missing", { hint: "the model that the adapter is for" });
    if (out === undefined) fail("wrong_use", "--out is missing", { hint: "the folder to write" });
    if (chosen === "merge") {
      for (const file of await mergeAdapter(path, base, out, strict)) output.row({ file });
      output.row({ done: true, model: out });
      output.say(`done: ${out}`);
      return 0;
    }
    const { head, labels } = flags;
    const { files, beyond, warnings } = await convertAdapter(path, { model: base, out, head, labels, ...strict });
    for (const warning of warnings) output.say(`warning: ${warning}`);
    for (const file of files) output.row({ file });
    output.row({ done: true, adapter: out, ...(beyond !== undefined && { beyond_peft: beyond }) });
    if (beyond !== undefined) output.say(`not as PEFT's folder: ${beyond}`);
    output.say(`done: ${out}`);
    return 0;
  },
});
