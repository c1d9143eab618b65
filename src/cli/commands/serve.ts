/** `zeroth serve`: models for OpenAI's clients, and the page. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine } from "../options.ts";

const usualPort = 8080;

export default defineCommand({
  group: "use",
  summary: "Serve models to OpenAI's clients, and a page to try them",
  arguments: "",
  options: [
    {
      flags: "-m, --model <name>",
      help: "opened at once and kept open: folder, GGUF file or hub name; may be repeated. Others are opened when asked for",
      as: "repeat",
    },
    {
      flags: "--adapters <folder>",
      help: "serve every adapter's folder in it as base:name; new ones are seen while it runs",
    },
    {
      flags: "--adapter <name=folder>",
      help: "serve this folder as base:name, of the first --model; base:name=folder says of which. May be repeated",
      as: "repeat",
    },
    { flags: "--host <address>", help: "address to listen on (127.0.0.1, which only this machine reaches)" },
    { flags: "--port <n>", help: "port (8080, or the next one that is free); 0 for any", as: "integer" },
    { flags: "--api-key <key>", help: "ask for this key; may be repeated. Better in ZEROTH_API_KEY", as: "repeat" },
    { flags: "--cors <origin>", help: 'let pages of this origin ask, or "*" for all; may be repeated', as: "repeat" },
    {
      flags: "--allowed-host <name>",
      help: "answer to this name beside this machine's own; may be repeated",
      as: "repeat",
    },
    {
      flags: "--max-queue <n>",
      help: "requests at work and waiting together (512); others are told to come again",
      as: "integer",
    },
    { flags: "--idle <seconds>", help: "close a model after so long without use (300); 0 for never", as: "integer" },
    { flags: "--no-download", help: "do not download models that are asked for and not here" },
    {
      flags: "--digests <folder>",
      help: "stores of papers that digests are made from, NAME.db each (digests, in ZEROTH_HOME)",
    },
    { flags: "--no-page", help: "no page at /" },
    ...engine,
  ],
  rows: 'no rows; with `--json`, `{"url"}`, then a line a request: `{"time","id","method","route","status","ms","model"?,"promptTokens"?,"answerTokens"?,"error"?}`',
  example: "zeroth serve --port 8080",
  async run({ flags, output, signal }) {
    const { port, idle, maxQueue } = flags;
    for (const [name, value, least, most] of [
      ["--port", port, 0, 65_535],
      ["--idle", idle, 0, 1e9],
      ["--max-queue", maxQueue, 1, 1e6],
    ] as const) {
      if (value !== undefined && (value < least || value > most)) {
        fail("wrong_use", `${name} ${value}: expected ${least} to ${most}`);
      }
    }
    // The server's own libraries are read while the engine's process starts and opens its models.
    const { startEngine } = await import("../serve/engine.ts");
    const started = await startEngine(flags, output, signal);
    const { startServer } = await import("../serve/start.ts");
    const { serving, close } = await startServer(
      { ...flags, port: port ?? usualPort, tryNext: port === undefined },
      started,
      output,
    );
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const running = serving.running();
    if (running > 0)
      output.say(`stopping: waiting for ${running} answer${running === 1 ? "" : "s"}; Ctrl-C again ends at once`);
    await close();
    return 0;
  },
});
