/**
 * Ways to ask for what the data sets hold. A set names its text, nouns for it, and kinds of question: `labels` in the
 * order of the set's classes (several words for the same class), and `asks`, in which {noun} and {or} stand for the text
 * and the choices. `yes` asks whether it is one class. Wordings that are kept for validation (see ../sets.mjs) are not
 * among them.
 */
import { pose, yesNo } from "./frames.mjs";

const polarity = {
  labels: [
    ["negative", "positive"],
    ["negative", "positive"],
    ["bad", "good"],
    ["unhappy", "happy"],
    ["critical", "approving"],
    ["unfavourable", "favourable"],
    ["dissatisfied", "satisfied"],
    ["displeased", "pleased"],
    ["against it", "for it"],
    ["dislike", "like"],
    ["blame", "praise"],
    ["complaint", "compliment"],
    ["hates it", "loves it"],
    ["cold", "warm"],
    ["a bad review", "a good review"],
    ["unfriendly", "friendly"],
  ],
  asks: [
    "Is this {noun} {or}?",
    "Is the {noun} {or}?",
    "Is the tone of this {noun} {or}?",
    "What is the tone of this {noun}: {or}?",
    "Would you say that this {noun} is {or}?",
    "Does this {noun} sound {or}?",
    "How does this {noun} sound, {or}?",
    "What is the sentiment of this {noun}?",
    "What is the sentiment?",
    "What feeling does this {noun} express?",
    "Say whether this {noun} is {or}.",
    "Tell me if this is {or}.",
    "Decide whether the {noun} is {or}.",
    "Classify this {noun} as {or}.",
    "Classify the sentiment.",
    "Label the {noun}: {or}.",
    "Judge this {noun}.",
    "Sentiment:",
    "Tone:",
    "Label:",
    "Opinion:",
    "Which fits better, {or}?",
    "Which word describes the {noun}, {or}?",
    "What does the writer think of it?",
    "How does the writer feel[ about it]?",
    "How did they find it?",
    "Is the writer's view {or}?",
    "Is that {or}?",
    "{or}?",
  ],
  yes: [
    [
      "Is this {noun} negative?",
      "Is the writer unhappy?",
      "Is this a complaint?",
      "Does the writer dislike it?",
      "Is the author disappointed?",
      "Is this a bad review?",
      "Is it a negative {noun}?",
      "Does it sound like criticism?",
      "Would you warn a friend after reading this?",
    ],
    [
      "Is this {noun} positive?",
      "Is the writer happy?",
      "Is this praise?",
      "Does the person like it?",
      "Does the author approve?",
      "Is this a good review?",
      "Is it a positive {noun}?",
      "Does the writer recommend it?",
      "Was the writer pleased?",
      "Does this sound like a recommendation?",
    ],
  ],
};

const film = ["remark", "sentence", "review", "text", "comment", "film review", "movie review", "opinion", "line"];
const truth = {
  labels: [
    ["fact", "opinion"],
    ["fact", "opinion"],
    ["a fact", "an opinion"],
    ["objective", "subjective"],
    ["factual", "personal"],
    ["information", "a view"],
    ["neutral", "opinionated"],
    ["report", "judgement"],
    ["a statement of fact", "a personal view"],
    ["description", "evaluation"],
  ],
  asks: [
    "Is this {noun} {or}?",
    "Is this {or}?",
    "Is that {or}?",
    "Is the {noun} {or}?",
    "Does this {noun} give {or}?",
    "Decide if this is {or}.",
    "Classify this {noun} as {or}.",
    "Classify this {noun}.",
    "What is this, {or}?",
    "{or}?",
    "Label:",
    "Kind:",
    "Type of statement:",
    "Which is it: {or}?",
    "Tell me whether this is {or}.",
    "Do we read {or} here?",
  ],
  yes: [
    [
      "Is this a fact?",
      "Is this {noun} factual?",
      "Is this {noun} objective?",
      "Does it only tell facts?",
      "Could this be checked?",
    ],
    [
      "Is this an opinion?",
      "Does the {noun} contain an opinion?",
      "Is this somebody's taste?",
      "Is this {noun} a matter of taste?",
      "Does the writer judge something here?",
      "Is a personal opinion given?",
    ],
  ],
};

const question = {
  labels: [
    ["abbreviation", "thing", "description", "person", "place", "number"],
    ["abbreviation", "entity", "description", "person", "location", "number"],
    ["abbreviation", "object", "explanation", "person", "place", "quantity"],
    ["an abbreviation", "a thing", "an explanation", "a person", "a place", "a number"],
    ["abbreviations", "things", "descriptions", "people", "places", "numbers"],
    ["abbreviation", "entity", "description", "human", "location", "numeric value"],
    ["a short form", "a thing", "a definition or reason", "a person", "a place", "a number or date"],
  ],
  asks: [
    "What is asked for: {or}?",
    "Is this question about {or}?",
    "What is this question about?",
    "What kind of thing does the {noun} ask for?",
    "What does the {noun} want to know: {or}?",
    "Does this {noun} ask for {or}?",
    "What sort of answer does this {noun} need?",
    "Which kind of answer is expected, {or}?",
    "Classify the {noun}.",
    "Classify this {noun} as {or}.",
    "Is the answer {or}?",
    "What would the answer be, {or}?",
    "Question type:",
    "Type:",
    "Kind of question:",
    "It asks for:",
    "Category:",
    "Say what the {noun} is looking for.",
    "Choose the type of this {noun}.",
  ],
  yes: [
    ["Is the question about an abbreviation?", "Does it ask what letters stand for?"],
    ["Does the question ask for a thing?", "Is the answer an object or a thing?"],
    ["Does it ask for a description or a reason?", "Does the question want an explanation?"],
    ["Is the question about a person?", "Does it ask who?", "Is a person's name the answer?"],
    ["Is the question about a place?", "Does it ask where something is?", "Is the answer a place?"],
    ["Does it ask for a number or a date?", "Is the answer a number?", "Is a number expected?"],
  ],
};

const kinds = {
  labels: [
    "company,school,artist,athlete,politician,vehicle,building,natural place,village,animal,plant,album,film,written work",
    "business,college,musician or writer,sportsperson,office holder,means of transport,building,mountain or river,settlement,animal,plant,record,movie,book",
    "a company,a school,an artist,an athlete,a politician,a vehicle,a building,a natural place,a village,an animal,a plant,an album,a film,a written work",
    "companies,schools,artists,athletes,politicians,vehicles,buildings,nature,villages,animals,plants,music,films,books",
    "firm,educational institution,artist,athlete,politician,ship car or plane,building,place in nature,village,animal,plant,music album,movie,publication",
  ].map((line) => line.split(",")),
  asks: [
    "What is this about?",
    "Is this about {or}?",
    "What is described: {or}?",
    "What does the {noun} describe?",
    "What does this describe, {or}?",
    "Which category does this belong to?",
    "Which topic does the {noun} have: {or}?",
    "What type of thing is it?",
    "Is it {or}?",
    "Classify this {noun}.",
    "Assign the {noun} to a category.",
    "Choose the right heading[ for this {noun}].",
    "Topic:",
    "Category:",
    "Subject:",
    "Type:",
    "The subject of the {noun} is:",
    "What am I reading about?",
    "Which of these is it: {or}?",
    "Say what kind of thing this is.",
  ],
  yes: [
    "a company",
    "a school",
    "an artist",
    "an athlete",
    "a politician",
    "a vehicle",
    "a building",
    "a natural place",
    "a village",
    "an animal",
    "a plant",
    "an album",
    "a film",
    "a book or another written work",
  ].map((it) => [
    `Is this about ${it}?`,
    `Does the {noun} describe ${it}?`,
    `Is it ${it}?`,
    `Are we reading about ${it}?`,
  ]),
};

const grammar = {
  labels: [
    ["unacceptable", "acceptable"],
    ["incorrect", "correct"],
    ["wrong", "right"],
    ["ungrammatical", "grammatical"],
    ["bad English", "good English"],
    ["faulty", "fine"],
    ["broken", "proper"],
  ],
  asks: [
    "Is this {noun} {or}?",
    "Is the {noun} {or}?",
    "Is the grammar of this {noun} {or}?",
    "Classify the {noun} as {or}.",
    "Judge the grammar.",
    "Grammar:",
    "Check this {noun}: {or}?",
    "Would you call the {noun} {or}?",
    "{or}?",
  ],
  yes: [
    ["Is there a mistake in this {noun}?", "Is something wrong with the grammar?", "Is this bad English?"],
    ["Is this grammatical?", "Is this good English?", "Is the {noun} well written?", "Can one say that in English?"],
  ],
};

const domains = [
  "auto and commute",
  "banking",
  "credit cards",
  "home",
  "kitchen and dining",
  "meta",
  "small talk",
  "travel",
  "utility",
  "work",
];
const domainWords = [
  domains,
  [
    "cars and traffic",
    "bank accounts",
    "credit cards",
    "the household",
    "food and cooking",
    "the assistant itself",
    "chatting",
    "trips and holidays",
    "tools and clocks",
    "the office",
  ],
  [
    "driving",
    "money in the bank",
    "credit cards",
    "home",
    "food",
    "settings",
    "small talk",
    "travelling",
    "everyday tools",
    "job",
  ],
  ["car", "bank", "card", "house", "kitchen", "assistant", "chat", "travel", "tools", "work"],
];
const wants = [
  "What does the speaker want?",
  "What is the {noun} about?",
  "What does the user ask for: {or}?",
  "What is the intent of this {noun}?",
  "Which request is this: {or}?",
  "What should the assistant do?",
  "Name what is wanted[: {or}].",
  "Intent:",
  "Topic:",
  "Request:",
  "Classify the {noun}.",
  "Is this about {or}?",
  "Which of these does the user mean: {or}?",
  "Choose what fits the {noun}: {or}.",
  "The user wants help with:",
];

const lookups = [
  "{question}",
  "{question}",
  "Question: {question}",
  "Answer the question from the {noun}: {question}",
  "Use the {noun} to answer. {question}",
  "Find the answer in the {noun}. {question}",
  "Read the {noun}. {question}",
  "{question} Answer with words of the {noun}.",
  "{question} Look in the {noun}.",
  "Q: {question}\nA:",
  "What does the {noun} say: {question}",
];

/** One of the classes, under words drawn for all of them; many classes are cut to a few. */
function classified(d, { labels, asks, yes }, { text, noun, label, most = 14 }) {
  if (yes && d.chance(0.25)) {
    // Right half of the time, whatever the number of classes.
    const asked = d.chance(0.5) ? label : d.below(yes.length);
    return yesNo(d, { text, noun, ask: d.pick(yes[asked]), yes: asked === label });
  }
  const words = d.pick(labels);
  const count = words.length === 2 ? 2 : 2 + d.below(Math.min(words.length, most) - 1);
  const choices = words.length === 2 ? d.shuffled(words) : d.some(words, count, words[label]);
  // Fewer than all classes must be named.
  const list = count < words.length || d.chance(0.5) ? true : undefined;
  return pose(d, { text, noun, ask: d.pick(asks), choices, answer: words[label], list });
}

const sentence = (text) => text.split(/(?<=[.!?])\s+/)[0];
const spoken = ["request", "message", "utterance", "text", "sentence", "query"];

/** Of each set: how many pairs it may give an epoch, and a row's pair. */
export const asked = {
  sst2: {
    cap: 12000,
    pair: (d, row) => classified(d, polarity, { text: row.sentence, noun: d.pick(film), label: row.label }),
  },
  rotten_tomatoes: {
    cap: 12000,
    pair: (d, row) => classified(d, polarity, { text: row.text, noun: d.pick(film), label: row.label }),
  },
  customer_reviews: {
    cap: 8000,
    pair(d, row) {
      const noun = d.pick(["comment", "review", "sentence", "text", "product review", "remark", "feedback", "message"]);
      if (d.chance(0.12)) return classified(d, truth, { text: row.text, noun, label: 1 });
      return classified(d, polarity, { text: row.text, noun, label: row.label });
    },
  },
  sst5: {
    cap: 6000,
    pair: (d, row) =>
      classified(
        d,
        {
          labels: [
            ["very negative", "negative", "neutral", "positive", "very positive"],
            ["terrible", "bad", "okay", "good", "great"],
            ["awful", "weak", "average", "good", "excellent"],
            ["one star", "two stars", "three stars", "four stars", "five stars"],
            ["1", "2", "3", "4", "5"],
            ["hates it", "dislikes it", "is undecided", "likes it", "loves it"],
          ],
          asks: [
            "How good is it: {or}?",
            "How positive is this {noun}: {or}?",
            "Rate the {noun}: {or}.",
            "Rating:",
            "How does the author rate the film?",
            "On a scale of {or}, where is this {noun}?",
            "What does the critic think of the film?",
            "Is this {noun} {or}?",
            "Grade this {noun}.",
          ],
        },
        { text: row.sentence, noun: d.pick(film), label: row.label },
      ),
  },
  subj: {
    cap: 12000,
    pair: (d, row) =>
      classified(d, truth, {
        text: row.sentence,
        noun: d.pick(["sentence", "statement", "text", "line", "remark"]),
        label: row.label,
      }),
  },
  trec: {
    cap: 14000,
    pair: (d, row) =>
      classified(d, question, {
        text: row.text,
        noun: d.pick(["question", "question", "query"]),
        label: row.coarse_label,
      }),
  },
  dbpedia_14: {
    cap: 14000,
    pair(d, row) {
      const noun = d.pick(["text", "entry", "article", "passage", "description", "paragraph", "sentence"]);
      const text = d.chance(0.5) ? sentence(row.content.trim()) : row.content.trim();
      if (d.chance(0.1))
        return classified(d, truth, { text: sentence(row.content.trim()), noun: "sentence", label: 0 });
      return classified(d, kinds, { text, noun, label: row.label });
    },
  },
  clinc150: {
    cap: 20000,
    pair(d, row, { intents }) {
      const noun = d.pick(spoken);
      const text = d.chance(0.3) ? `${row.text.charAt(0).toUpperCase()}${row.text.slice(1)}` : row.text;
      if (d.chance(0.6)) {
        const words = intents.map((intent) => intent.replaceAll("_", " "));
        const answer = row.intent.replaceAll("_", " ");
        return pose(d, {
          text,
          noun,
          ask: d.pick(wants),
          choices: d.some(words, 2 + d.below(5), answer),
          answer,
          list: true,
        });
      }
      const yes = domainWords[1].map((it) => [`Is this about ${it}?`, `Does the {noun} have to do with ${it}?`]);
      const form = { labels: domainWords, asks: wants.concat("Which area is this: {or}?", "Area:"), yes };
      return classified(d, form, { text, noun, label: domains.indexOf(row.domain.replaceAll("_", " ")) });
    },
  },
  cola: {
    cap: 6000,
    pair: (d, row) =>
      classified(d, grammar, {
        text: row.sentence,
        noun: d.pick(["sentence", "text", "line", "phrase"]),
        label: row.label,
      }),
  },
  query_wellformedness: {
    cap: 6000,
    pair: (d, row) =>
      classified(d, grammar, {
        text: row.content,
        noun: d.pick(["question", "sentence", "text"]),
        label: row.rating >= 0.8 ? 1 : 0,
      }),
  },
  qamr: {
    cap: 20000,
    pair(d, row) {
      const noun = d.pick(["sentence", "text", "passage", "line"]);
      return pose(d, {
        text: row.sentence,
        noun,
        ask: d.pick(lookups).replace("{question}", row.question),
        answer: row.answer,
      });
    },
  },
};

export { classified, lookups };
