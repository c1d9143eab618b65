/**
 * A server over transformers.js as people write one: a pipeline, a request at a time in the order they come.
 * node bench/server/transformers-js.js FOLDER PORT [DTYPE] [TASK]
 */
import { createServer } from "node:http";
import { env, pipeline } from "@huggingface/transformers";

const [folder, port, dtype = "q8", task = "text-generation"] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = "/";
const generate = await pipeline(task, folder, { dtype, local_files_only: true });
let last = Promise.resolve();

const server = createServer((asked, answer) => {
  if (asked.url === "/health") return answer.end("{}");
  let text = "";
  asked.on("data", (part) => {
    text += part;
  });
  asked.on("end", () => {
    const { prompt, max_tokens = 16, stream } = JSON.parse(text);
    last = last.then(async () => {
      if (answer.destroyed) return;
      const [{ generated_text }] = await generate(prompt, {
        ...{ max_new_tokens: max_tokens, min_new_tokens: max_tokens, do_sample: false, return_full_text: false },
      });
      const usage = { completion_tokens: max_tokens };
      const body = JSON.stringify({ choices: [{ text: generated_text, index: 0, finish_reason: "length" }], usage });
      answer.end(stream ? `data: ${body}\n\ndata: [DONE]\n\n` : body);
    });
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
