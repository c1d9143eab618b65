/**
 * How a question, a text and its choices are put together. A wording is drawn part by part, so that a model meets
 * thousands of them, and what it learns is the question rather than the form.
 */

/** Draws from a stream of random numbers. */
export const draws = (random) => {
  const pick = (list) => list[random.below(list.length)];
  const chance = (p) => random.next() < p;
  const shuffled = (list) => {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  };
  /** So many of the list, without repeats, with `must` among them. */
  const some = (list, count, must) => {
    const others = shuffled(list.filter((item) => item !== must));
    return shuffled(must === undefined ? others.slice(0, count) : [must, ...others.slice(0, count - 1)]);
  };
  return { ...random, pick, chance, shuffled, some };
};

/** Replace {name} by what it stands for; a part in [brackets] is there half of the time. */
export const fill = (d, text, values) =>
  text
    .replace(/\[([^\]]*)\]/g, (_, part) => (d.chance(0.5) ? part : ""))
    .replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole))
    .replace(/ {2,}/g, " ")
    .trim();

export const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const joined = (words, last) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;

/** "a, b or c", as it stands inside of a question. */
const inline = (d, words) =>
  d.pick([
    () => joined(words, "or"),
    () => joined(words, "or"),
    () => joined(words, "or"),
    () => words.map((word) => `"${word}"`).join(" or "),
    () => words.join(" or "),
    () => words.join("/"),
  ])();

/** The choices as a part of their own, before or after the text. */
const listed = (d, words) =>
  d.pick([
    () => `Options:\n${words.map((word) => `- ${word}`).join("\n")}`,
    () =>
      `${d.pick(["Choices", "Options", "Answers", "Possible answers", "Labels", "Categories"])}: ${words.join(", ")}`,
    () => `${d.pick(["Choices", "Options"])}: ${words.join("; ")}.`,
    () => `Choose from ${joined(words, "or")}.`,
    () => `Choose between ${joined(words, "and")}.`,
    () => `Pick one: ${words.join(", ")}`,
    () => `Answer ${joined(words, "or")}.`,
    () => `Answer with ${joined(words, "or")}.`,
    () => `(${words.join(", ")})`,
    () => `(${joined(words, "or")}?)`,
    () => `Say ${joined(words, "or")}.`,
    () => `The answer is one of: ${words.join(", ")}.`,
    () => words.map((word) => `* ${word}`).join("\n"),
    () => `Reply with one of ${words.map((word) => `"${word}"`).join(", ")}.`,
  ])();

const ended = (text) => (/[.!?:")]$/.test(text) ? text : `${text}.`);

/** The text as it may stand in a prompt; `noun` says what it is. */
const presented = (d, text, noun) =>
  d.pick([
    () => text,
    () => text,
    () => text,
    () => `"${text}"`,
    () => `"${text}"`,
    () => `'${text}'`,
    () => `${d.pick(["Text", "Input", "Sentence", upper(noun)])}: ${text}`,
    () => `${upper(noun)}: "${text}"`,
    () => `Here is ${d.pick(["the", "a"])} ${noun}: ${text}`,
    () => `I read this: ${text}`,
    () => `Somebody wrote: "${text}"`,
  ])();

const cues = ["Answer:", "Answer:", "A:", "The answer is", "Reply:", "Output:", "Result:", "Response:", "My answer:"];
const prefaces = [
  "Please answer.",
  "Read this and answer.",
  "Question:",
  "Q:",
  "Task:",
  "Tell me:",
  "Quick question:",
  "Here is a task.",
  "Help me with this.",
  "Decide.",
];

/**
 * A prompt and its answer.
 * @param ask a question or an order, in which {noun} is what the text is and {or} the choices; or `cue`, a label that
 * the answer follows ("Sentiment")
 * @param list whether the choices must (true), must not (false) or may (undefined) be named
 */
export function pose(d, { text, noun = "text", ask, choices, answer, list }) {
  const cased = choices && d.chance(0.15) ? upper : (word) => word;
  const words = choices?.map(cased);
  const target = cased(answer);
  const naming = ask.includes("{or}");
  const question = fill(d, ask, { noun, or: words ? inline(d, words) : "" });
  const label = /^[A-Z][\w ]*:$/.test(question);
  const lists = words && !naming && (list ?? d.chance(0.55)) ? listed(d, words) : undefined;
  const body = text === undefined ? undefined : presented(d, text, noun);
  const gap = d.pick(["\n", "\n", " ", " ", "\n\n"]);
  const parts = [];
  if (body === undefined) parts.push(question, lists);
  else if (label) parts.push(...(d.chance(0.5) ? [lists, ended(body)] : [ended(body), lists]), question);
  else {
    parts.push(
      ...d.pick([
        () => [question, lists, body],
        () => [question, body, lists],
        () => [body, question, lists],
        () => [body, question, lists],
        () => [lists, body, question],
        () => [lists, question, body],
      ])(),
    );
    // A text before a question ends as a sentence does.
    const at = parts.indexOf(body);
    if (at < parts.length - 1 && gap === " ") parts[at] = ended(body);
  }
  let prompt = parts.filter(Boolean).join(gap);
  if (d.chance(0.12)) prompt = `${d.pick(prefaces)} ${prompt}`;
  if (!label && d.chance(0.2)) prompt = `${prompt}${d.pick(["\n", " "])}${d.pick(cues)}`;
  if (d.chance(0.05)) prompt = `User: ${prompt}\nAssistant:`;
  if (d.chance(0.04)) prompt = prompt.toLowerCase();
  return { prompt, target };
}

/** Yes or no, asked so that either may be right. */
export function yesNo(d, { text, noun, ask, yes }) {
  const [no, yeah] = d.pick([
    ["no", "yes"],
    ["no", "yes"],
    ["no", "yes"],
    ["No", "Yes"],
    ["No", "Yes"],
  ]);
  const choices = d.chance(0.5) ? [yeah, no] : [no, yeah];
  return pose(d, { text, noun, ask, choices, answer: yes ? yeah : no, list: d.chance(0.3) });
}
