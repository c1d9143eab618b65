/** The page: a prompt, an answer as it comes, choices weighed. What a model says is only ever text. */
import type { Ask, Tell } from "./messages.ts";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const form = element<HTMLFormElement>("ask");
const prompt = element<HTMLTextAreaElement>("prompt");
const choices = element<HTMLTextAreaElement>("choices");
const run = element<HTMLButtonElement>("run");
const stop = element<HTMLButtonElement>("stop");
const answer = element("answer");
const bars = element("bars");
const status = element("status");

const examples: readonly (readonly [title: string, prompt: string, choices: string])[] = [
  [
    "Review",
    "Is this review positive or negative? A warm, funny film that I would gladly see again.",
    "positive\nnegative",
  ],
  [
    "News",
    "News: The home team won the final after a late goal in extra time.\nChoose the topic.\n" +
      "- World\n- Sports\n- Business\n- Science and technology",
    "",
  ],
  ["Fact or opinion", "Fact or opinion: the young doctor travels to a village where nobody will speak to her.", ""],
];

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const ask = (message: Ask) => worker.postMessage(message);
let machine = "";
let weighed: readonly string[] = [];

for (const [title, text, options] of examples) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.title = text;
  button.addEventListener("click", () => {
    prompt.value = text;
    choices.value = options;
    prompt.focus();
  });
  element("examples").append(button);
}

function busy(on: boolean): void {
  run.disabled = on;
  stop.disabled = !on;
}

function showBars(probabilities: readonly number[]): void {
  const rows = probabilities.map((probability, i) => {
    const row = document.createElement("li");
    const [name, share, meter] = [
      document.createElement("span"),
      document.createElement("span"),
      document.createElement("meter"),
    ];
    name.textContent = weighed[i] ?? "";
    meter.value = probability;
    meter.title = `${probability}`;
    share.textContent = `${(100 * probability).toFixed(1)} %`;
    row.append(name, meter, share);
    return row;
  });
  bars.replaceChildren(...rows);
  bars.hidden = false;
  answer.textContent = weighed[probabilities.indexOf(Math.max(...probabilities))] ?? "";
}

const heard: { [K in Tell["kind"]]: (message: Extract<Tell, { kind: K }>) => void } = {
  loading({ received, total }) {
    const share = total ? ` of ${(total / 1e6).toFixed(1)}` : "";
    status.textContent = `Loading the model: ${(received / 1e6).toFixed(1)}${share} MB`;
  },
  ready({ device, threads, limited }) {
    machine = `${device}, ${limited ?? `${threads} ${threads === 1 ? "thread" : "threads"}`}`;
    status.textContent = `Ready. ${machine}`;
    busy(false);
  },
  piece({ text }) {
    answer.append(text);
  },
  weights({ probabilities }) {
    showBars(probabilities);
  },
  done({ tokens, seconds, stopped }) {
    const speed = stopped ? "stopped" : `${tokens} tokens, ${(tokens / seconds).toFixed(1)} tokens/s`;
    status.textContent = `${machine}; ${speed}`;
    busy(false);
  },
  failed({ message, hint }) {
    status.textContent = hint ? `${message} (${hint})` : message;
    busy(machine === "");
    stop.disabled = true;
  },
};

worker.addEventListener("message", ({ data }: MessageEvent<Tell>) => {
  (heard[data.kind] as (message: Tell) => void)(data);
});
worker.addEventListener("error", ({ message }) => {
  status.textContent = message || "the model's worker could not start";
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (run.disabled || prompt.value.trim() === "") return;
  busy(true);
  answer.textContent = "";
  bars.hidden = true;
  status.textContent = `${machine}; working…`;
  weighed = choices.value
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  ask(
    weighed.length > 0
      ? { kind: "weigh", prompt: prompt.value, choices: weighed }
      : { kind: "answer", prompt: prompt.value },
  );
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
stop.addEventListener("click", () => ask({ kind: "stop" }));

ask({ kind: "open", base: new URL("models/zeroth-nano/", document.baseURI).href });
