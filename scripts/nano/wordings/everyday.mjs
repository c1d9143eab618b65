/** Questions about ordinary things, sentences and little stories, over word lists of our own. */

import { pose, upper, yesNo } from "./frames.mjs";
import { feelings, slots, sorts, topics, views, written } from "./sentences.mjs";
import { lookups } from "./sets.mjs";
import { kindsOfThings, relations, scales } from "./words.mjs";

const article = (word) =>
  /^[A-Z]/.test(word) || /s$/.test(word) ? word : `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;

/** What kind of thing a word is. */
function kindOf(d) {
  const entries = Object.entries(kindsOfThings);
  const [kind, words] = d.pick(entries);
  const word = d.pick(words);
  const names = entries.map(([name]) => name.split("|"));
  const plural = d.chance(0.3) ? 1 : 0;
  const own = kind.split("|")[plural];
  const bare = names.map((name) => name[plural]);
  const named = plural ? bare : bare.map(article);
  const of = (name) => (plural ? name : article(name));
  if (d.chance(0.3)) {
    const yes = d.chance(0.5);
    const asked = yes ? own : d.pick(bare.filter((name) => name !== own));
    const ask = plural
      ? d.pick([`Does ${word} belong to the ${asked}?`, `Is ${word} one of the ${asked}?`])
      : d.pick([
          `Is ${word} ${article(asked)}?`,
          `Is "${word}" the name of ${article(asked)}?`,
          `Would you call ${word} ${article(asked)}?`,
        ]);
    return yesNo(d, { ask, yes });
  }
  if (d.chance(0.3)) {
    // The member of a kind among members of others.
    const others = d
      .some(
        entries.filter(([name]) => name !== kind),
        1 + d.below(4),
      )
      .map(([, list]) => d.pick(list));
    const ask = d.pick([
      `Which of these is ${article(kind.split("|")[0])}: {or}?`,
      `Which word is ${article(kind.split("|")[0])}, {or}?`,
      `Find the ${kind.split("|")[0]}: {or}.`,
      `Name the ${kind.split("|")[0]}.`,
      `Which one is ${article(kind.split("|")[0])}?`,
    ]);
    return pose(d, { ask, choices: d.shuffled([word, ...others]), answer: word, list: true });
  }
  const choices = d.chance(0.8) ? d.some(named, 2 + d.below(5), of(own)) : undefined;
  const ask = d.pick(
    choices
      ? [
          `Is ${word} {or}?`,
          `What is ${word}: {or}?`,
          `${upper(word)} is {or}?`,
          `Which of these is ${word}?`,
          `What kind of thing is ${word}?`,
          `Sort the word ${word}.`,
          `${upper(word)}:`,
          `What does "${word}" name: {or}?`,
        ]
      : [`What kind of thing is ${word}?`, `What is ${word}?`, `Say what ${word} is.`],
  );
  return pose(d, { ask, choices, answer: of(own), list: choices ? true : undefined });
}

/** The other half of a pair. */
function related(d) {
  const row = d.pick(relations);
  let [a, b] = d.pick(row.pairs);
  if (row.both && d.chance(0.5)) [a, b] = [b, a];
  const backwards = row.back && d.chance(0.4);
  const [given, answer] = backwards ? [b, a] : [a, b];
  const ask = d
    .pick(backwards ? row.back : row.asks)
    .replace("{a}", given)
    .replace("{b}", given);
  const values = [...new Set(row.pairs.flatMap(([x, y]) => (row.both ? [x, y] : [backwards ? x : y])))].filter(
    (value) => value !== given,
  );
  const choices = d.chance(0.6) ? d.some(values, 2 + d.below(4), answer) : undefined;
  if (choices && d.chance(0.3)) {
    const yes = d.chance(0.5);
    const offered = yes ? answer : d.pick(values.filter((value) => value !== answer));
    return yesNo(d, {
      text: `${upper(ask)} ${upper(offered)}.`,
      noun: "answer",
      ask: d.pick(["Is that right?", "Is this answer right?", "Right?", "Is this correct?"]),
      yes,
    });
  }
  return pose(d, { ask: upper(ask), choices, answer, list: Boolean(choices) });
}

function compared(d) {
  const row = d.pick(scales);
  const [i, j] = d.some([...row.things.keys()], 2).sort((x, y) => x - y);
  const least = d.chance(0.35);
  const answer = row.things[least ? i : j];
  return pose(d, {
    ask: d.pick(least ? row.reverse : row.asks),
    choices: d.shuffled([row.things[i], row.things[j]]),
    answer,
    list: true,
  });
}

/** Of groups named "a|b", one of the names; the same place for all where `same`. */
const named = (d, key) => d.pick(key.split("|"));

const topicAsks = [
  "What is this about: {or}?",
  "Is this about {or}?",
  "What is the topic of this {noun}?",
  "Which topic is this: {or}?",
  "Topic:",
  "Category:",
  "Subject:",
  "{or}?",
  "Which section of the newspaper is it in: {or}?",
  "Classify the {noun}.",
  "Choose the topic.",
  "The {noun} is about",
  "In which section would you print this, {or}?",
  "Does this {noun} belong to {or}?",
  "What does the {noun} talk about?",
];
function topic(d) {
  const keys = Object.keys(topics);
  const key = d.pick(keys);
  const noun = d.pick(["sentence", "text", "headline", "message", "news item", "statement"]);
  const text = written(d, d.pick(topics[key]));
  if (d.chance(0.2)) {
    const yes = d.chance(0.5);
    const asked = yes ? key : d.pick(keys.filter((other) => other !== key));
    return yesNo(d, {
      text,
      noun,
      ask: d.pick([
        `Is this about ${named(d, asked)}?`,
        `Does this {noun} have to do with ${named(d, asked)}?`,
        `Is ${named(d, asked)} the topic?`,
      ]),
      yes,
    });
  }
  const answer = named(d, key);
  const others = d
    .some(
      keys.filter((other) => other !== key),
      1 + d.below(5),
    )
    .map((other) => named(d, other));
  return pose(d, { text, noun, ask: d.pick(topicAsks), choices: d.shuffled([answer, ...others]), answer, list: true });
}

function feeling(d) {
  const keys = Object.keys(feelings);
  const key = d.pick(keys);
  const text = written(d, d.pick(feelings[key]));
  const who = d.pick(["the person", "somebody", "the one in the story"]);
  if (d.chance(0.25)) {
    const yes = d.chance(0.5);
    const asked = yes ? key : d.pick(keys.filter((other) => other !== key));
    return yesNo(d, {
      text,
      noun: "sentence",
      ask: d.pick([`Is ${who} ${named(d, asked)}?`, `Does it show somebody who is ${named(d, asked)}?`]),
      yes,
    });
  }
  const answer = named(d, key);
  const others = d
    .some(
      keys.filter((other) => other !== key),
      1 + d.below(4),
    )
    .map((other) => named(d, other));
  const name = slots.person.find((person) => text.includes(person));
  const asks = [
    `How does ${who} feel: {or}?`,
    "Which feeling is this: {or}?",
    `Is ${who} {or}?`,
    "Feeling:",
    "How does it feel?",
    "Emotion:",
    ...(name ? [`How does ${name} feel: {or}?`, `Is ${name} {or}?`, `${name} is {or}?`] : []),
  ];
  const list = Boolean(d.chance(0.85));
  const shown = list ? d.shuffled([answer, ...others]) : undefined;
  return pose(d, {
    text,
    noun: "text",
    ask: d.pick(shown ? asks : [`How does ${name ?? who} feel?`, "Which feeling is this?", "Feeling:"]),
    choices: shown,
    answer,
    list,
  });
}

function sort(d) {
  const row = d.pick(sorts);
  const keys = Object.keys(row.kinds);
  const key = d.pick(keys);
  const place = d.below(2);
  const name = (k) => k.split("|")[place] ?? k.split("|")[0];
  const count = 2 + d.below(keys.length - 1);
  const choices = d.some(keys, count, key).map(name);
  return pose(d, {
    text: written(d, d.pick(row.kinds[key])),
    noun: d.pick(row.noun),
    ask: d.pick(row.asks),
    choices,
    answer: name(key),
    list: true,
  });
}

function view(d) {
  const key = d.pick(Object.keys(views));
  const words = d.pick([
    ["fact", "opinion"],
    ["fact", "opinion"],
    ["a fact", "an opinion"],
    ["objective", "subjective"],
    ["a piece of information", "a personal view"],
  ]);
  const asks = [
    "Is this {or}?",
    "Is this {noun} {or}?",
    "Fact or opinion?".includes(words[0]) ? "{or}?" : "Is that {or}?",
    "Decide: {or}?",
    "Classify the {noun}.",
    "Label:",
  ];
  return pose(d, {
    text: written(d, d.pick(views[key])),
    noun: d.pick(["sentence", "statement", "remark"]),
    ask: d.pick(asks),
    choices: d.shuffled(words),
    answer: words[key === "fact" ? 0 : 1],
    list: true,
  });
}

const facts = [
  {
    key: "city",
    says: ["{p} lives in {v}.", "{p}'s home is in {v}.", "{p} has a flat in {v}."],
    asks: ["Where does {p} live?", "In which city does {p} live?", "Which city is {p}'s home?"],
    who: ["Who lives in {v}?", "Whose home is {v}?"],
    values: slots.city,
  },
  {
    key: "job",
    says: ["{p} works as a {v}.", "{p} is a {v}.", "{p} has been a {v} for years."],
    asks: ["What is {p}'s job?", "What does {p} do for a living?", "What does {p} work as?"],
    who: ["Who is a {v}?", "Who works as a {v}?"],
    values: kindsOfThings["job|jobs"],
  },
  {
    key: "pet",
    says: ["{p} has a {v}.", "{p} keeps a {v}.", "{p}'s pet is a {v}."],
    asks: ["Which animal does {p} have?", "What pet does {p} keep?", "What kind of pet has {p}?"],
    who: ["Who has a {v}?", "Whose pet is a {v}?"],
    values: slots.animal,
  },
  {
    key: "food",
    says: ["{p}'s favourite food is {v}.", "{p} likes {v} best.", "{p} eats {v} every day."],
    asks: ["What is {p}'s favourite food?", "What does {p} like to eat?", "What does {p} eat?"],
    who: ["Who likes {v}?", "Who eats {v}?"],
    values: slots.food,
  },
  {
    key: "colour",
    says: ["{p}'s car is {v}.", "{p} drives a {v} car.", "{p} has a {v} car."],
    asks: ["What colour is {p}'s car?", "Which colour does {p}'s car have?"],
    who: ["Whose car is {v}?", "Who drives a {v} car?"],
    values: kindsOfThings["colour|colours"],
  },
  {
    key: "instrument",
    says: ["{p} plays the {v}.", "{p} is learning the {v}.", "{p} practises the {v} at night."],
    asks: ["Which instrument does {p} play?", "What does {p} play?"],
    who: ["Who plays the {v}?"],
    values: slots.instrument,
  },
  {
    key: "day",
    says: ["{p} goes swimming on {v}.", "{p} has a meeting on {v}.", "{p} arrives on {v}."],
    asks: ["On which day is that for {p}?", "Which day is named with {p}?"],
    who: ["Who is busy on {v}?", "Who is mentioned with {v}?"],
    values: kindsOfThings["day of the week|days of the week"],
  },
  {
    key: "bought",
    says: ["{p} bought a {v}.", "{p} got a new {v}.", "{p} brought a {v} from the shop."],
    asks: ["What did {p} buy?", "What did {p} get?", "What is new for {p}?"],
    who: ["Who bought a {v}?", "Who got a new {v}?"],
    values: slots.thing,
  },
  {
    key: "age",
    says: ["{p} is {v} years old.", "{p} turned {v} last week.", "{p}, who is {v}, is here."],
    asks: ["How old is {p}?", "What is {p}'s age?"],
    who: ["Who is {v} years old?", "Who is {v}?"],
    values: Array.from({ length: 60 }, (_, i) => String(i + 5)),
  },
  {
    key: "travel",
    says: ["{p} flew to {v}.", "{p} went to {v} on holiday.", "{p} spent the summer in {v}."],
    asks: ["Where did {p} go?", "Which country did {p} visit?", "Where was {p} on holiday?"],
    who: ["Who went to {v}?", "Who visited {v}?"],
    values: slots.land,
  },
];

/** Two to four sentences about people, and what they say. */
function story(d) {
  const people = d.some(slots.person, 1 + d.below(3));
  const told = [];
  for (const person of people) {
    for (const fact of d.some(facts, 1 + d.below(people.length === 1 ? 4 : 2))) {
      const taken = told.filter((other) => other.fact.key === fact.key).map(({ value }) => value);
      told.push({ person, fact, value: d.pick(fact.values.filter((value) => !taken.includes(value))) });
    }
  }
  const put = (text, { person, value }) => text.replaceAll("{p}", person).replaceAll("{v}", value);
  const text = d
    .shuffled(told)
    .map((one) => put(d.pick(one.fact.says), one))
    .join(" ")
    .replace(/\ba ([aeiou])/g, "an $1");
  const one = d.pick(told);
  const noun = d.pick(["text", "passage", "story", "sentence"]);
  const kindOfQuestion = d.below(10);
  if (kindOfQuestion < 5) {
    const question = put(d.pick(one.fact.asks), one);
    const choices = d.chance(0.25) ? d.some(one.fact.values, 2 + d.below(3), one.value) : undefined;
    return pose(d, {
      text,
      noun,
      ask: d.pick(lookups).replace("{question}", question),
      choices,
      answer: one.value,
      list: choices ? true : undefined,
    });
  }
  if (kindOfQuestion < 8) {
    const question = put(d.pick(one.fact.who), one).replace(/\ba ([aeiou])/g, "an $1");
    const choices = d.chance(0.3) && people.length > 1 ? people : undefined;
    return pose(d, {
      text,
      noun,
      ask: d.pick(lookups).replace("{question}", question),
      choices,
      answer: one.person,
      list: choices ? true : undefined,
    });
  }
  return pose(d, {
    text,
    noun,
    ask: d.pick([
      "Who is this about?",
      "Whom does the {noun} name first?",
      "Which name comes first?",
      "Whose name is mentioned first?",
    ]),
    answer: people.map((person) => [text.indexOf(person), person]).sort((a, b) => a[0] - b[0])[0][1],
  });
}

/** Words of the prompt given back. */
function copied(d) {
  const all = Object.values(kindsOfThings).flat();
  const words = d.some(all, 3 + d.below(4));
  const row = words.join(d.pick([", ", " ", ", "]));
  const [ask, answer] = d.pick([
    () => [d.pick(["What is the first word?", "Which word comes first?", "First word:"]), words[0]],
    () => [d.pick(["What is the last word?", "Which word comes last?", "Last word:"]), words.at(-1)],
    () => [d.pick(["Repeat the words.", "Copy this.", "Say it again.", "Write the same again."]), row],
    () => {
      const i = d.below(words.length - 1);
      return [d.pick([`Which word comes after ${words[i]}?`, `What follows ${words[i]}?`]), words[i + 1]];
    },
    () => [
      d.pick(["How many words are there?", "Count the words.", "How many things are named?"]),
      ["zero", "one", "two", "three", "four", "five", "six"][words.length],
    ],
  ])();
  return pose(d, { text: row, noun: "list", ask, answer });
}

const numbers = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];
function counted(d) {
  const [a, b] = [d.below(10), d.below(10)];
  const plus = d.chance(0.6);
  const [x, y] = plus ? [a, b] : [Math.max(a, b), Math.min(a, b)];
  const result = plus ? x + y : x - y;
  const worded = result <= 12 && d.chance(0.4);
  const say = (n) => (worded ? numbers[n] : String(n));
  const sign = plus ? d.pick(["plus", "+", "and"]) : d.pick(["minus", "-"]);
  const ask = d.pick([
    `What is ${say(x)} ${sign} ${say(y)}?`,
    `${upper(say(x))} ${sign} ${say(y)} is`,
    `How much is ${say(x)} ${sign} ${say(y)}?`,
    `${say(x)} ${sign} ${say(y)} =`,
  ]);
  return pose(d, { ask, answer: say(result) });
}

/** Kinds of questions with their shares. */
export const everyday = [
  { name: "kinds", share: 22, make: kindOf },
  { name: "pairs", share: 22, make: related },
  { name: "sizes", share: 5, make: compared },
  { name: "topics", share: 16, make: topic },
  { name: "feelings", share: 10, make: feeling },
  { name: "sorts", share: 9, make: sort },
  { name: "views", share: 6, make: view },
  { name: "stories", share: 16, make: story },
  { name: "copies", share: 6, make: copied },
  { name: "sums", share: 3, make: counted },
];
