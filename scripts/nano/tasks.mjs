/**
 * The tasks the embedded model learns, and how we ask for them. A wording is a template: {name} stands for a field of
 * the example, {options} for its choices in words ("a, b or c"), {list} for the same as lines. The last wording of
 * each task is never trained: it is there to see what another way of asking costs.
 *
 * @typedef {Record<string, unknown>} Row
 * @typedef {{ fields: Record<string, string>, target: string, choices?: string[] }} Example
 * @typedef {{ name: string, files: { train: string, validation: string }, cap: number,
 *   example: (row: Row, random: { below(n: number): number }, rows: Row[]) => Example | undefined, wordings: string[] }} Task
 */

/** Words as released are split from punctuation; put them together as people write. */
export const tidy = (text) =>
  String(text)
    .replace(/``|''/g, '"')
    .replace(/-LRB-/g, "(")
    .replace(/-RRB-/g, ")")
    .replace(/\\/g, " ")
    .replace(/\s+([.,;:!?%)])/g, "$1")
    .replace(/([(])\s+/g, "$1")
    .replace(/\s+(n't|'s|'re|'ve|'ll|'d|'m)\b/g, "$1")
    .replace(/\s+/g, " ")
    .trim();

const shuffled = (items, random) => {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
};

const labelled =
  (field, names, key = "label") =>
  (row) => ({
    fields: { text: tidy(row[field]) },
    target: names[Number(row[key])],
    choices: names,
  });

const polarity = ["negative", "positive"];

const reviewWordings = [
  "Is this review positive or negative? {text}",
  "{text}\nIs the sentiment of this text positive or negative?",
  "Review: {text}\nSentiment:",
  "Did the writer like it? Answer positive or negative. {text}",
  'The following was written about a film or a product: "{text}" The opinion is',
  "Decide whether the opinion is {options}: {text}",
  "{text} Overall, was that positive or negative?",
];

const sentiment = (name, file, field, cap, validation = "validation") => ({
  name,
  files: { train: `${file}.train`, validation: `${file}.${validation}` },
  cap,
  example: labelled(field, polarity),
  wordings: reviewWordings,
});

const topics = ["World", "Sports", "Business", "Science and technology"];
const kinds = {
  ABBR: "abbreviation",
  ENTY: "thing",
  DESC: "description",
  HUM: "person",
  LOC: "place",
  NUM: "number",
};
const kindNames = Object.values(kinds);

const words = (text) => String(text).split(/\s+/).length;
const yesNo = (yes) => ({ target: yes ? "yes" : "no", choices: ["yes", "no"] });

/** Half of the rows keep their question, half get that of another row. */
const matched = (passage, question) => (row, random, rows) => {
  const yes = random.below(2) === 0;
  const other = rows[random.below(rows.length)];
  const asked = yes ? row : other;
  if (!yes && passage(other) === passage(row)) return undefined;
  return { fields: { passage: tidy(passage(row)), question: tidy(question(asked)) }, ...yesNo(yes) };
};

/** @type {Task[]} */
export const tasks = [
  sentiment("sst2", "sst2", "sentence", 6920),
  sentiment("rotten_tomatoes", "rotten_tomatoes", "text", 8530),
  sentiment("customer_reviews", "customer_reviews", "text", 3371),
  {
    ...sentiment("mpqa", "mpqa", "phrase", 4000),
    wordings: [
      'Does "{text}" sound positive or negative?',
      "Is this phrase positive or negative? {text}",
      "Phrase: {text}\nSentiment:",
      "{text}\nPositive or negative?",
      "Tell me whether these words are {options}: {text}",
    ],
  },
  {
    name: "sst5",
    files: { train: "sst5.train", validation: "sst5.validation" },
    cap: 4000,
    example: labelled("sentence", ["terrible", "bad", "okay", "good", "great"]),
    wordings: [
      "How good is the film according to this review: {options}? {text}",
      "{text}\nThe film was ({options}):",
      "Rate the film as {options}. Review: {text}",
      "Read the review and choose {options}. {text}",
    ],
  },
  {
    name: "subj",
    files: { train: "subj.train", validation: "subj.validation" },
    cap: 6000,
    example: labelled("sentence", ["fact", "opinion"]),
    wordings: [
      "Is this a fact or an opinion? {text}",
      "{text}\nDoes this tell a fact or give an opinion?",
      "Fact or opinion: {text}",
      "Text: {text}\nThis is (fact or opinion)",
      "Say whether the sentence states a fact or an opinion. {text}",
    ],
  },
  {
    name: "ag_news",
    files: { train: "ag_news.train", validation: "ag_news.test" },
    cap: 4000,
    example: (row) => ({
      fields: { text: `${tidy(row.title)}. ${tidy(row.description)}`, title: tidy(row.title) },
      target: topics[row.label],
      choices: topics,
    }),
    wordings: [
      "What is this news about: {options}? {text}",
      "{text}\nTopic ({options}):",
      "Which section of a newspaper does this belong to, {options}? {text}",
      "News: {text}\nChoose the topic.\n{list}",
      "Headline: {title}\nIs this {options}?",
      "Classify the article as {options}. {text}",
    ],
  },
  {
    name: "dbpedia",
    files: { train: "dbpedia_14.train", validation: "dbpedia_14.validation" },
    cap: 6600,
    example: (row) => ({
      fields: { text: tidy(row.content).split(" ").slice(0, 50).join(" "), title: tidy(row.title) },
      target: dbpediaNames[row.label],
      choices: dbpediaNames,
    }),
    wordings: [
      "What kind of thing is {title}? {text}",
      "{text}\nWhat is this text about: {options}?",
      "{title}: {text}\nCategory:",
      "Choose the category of this text: {options}. {text}",
      "{text} In one word, {title} is which of these: {options}?",
    ],
  },
  {
    name: "trec",
    files: { train: "trec.train", validation: "trec.test" },
    cap: 5452,
    example: (row) => ({ fields: { text: tidy(row.text) }, target: kinds[row.label_coarse], choices: kindNames }),
    wordings: [
      "What does this question ask for: {options}? {text}",
      "{text}\nThe answer to this question is a",
      "Question: {text}\nKind of answer ({options}):",
      "Is the question asking about a {options}? {text}",
      "Which kind of answer is expected, {options}? {text}",
    ],
  },
  {
    name: "clinc150",
    files: { train: "clinc150.train", validation: "clinc150.validation" },
    cap: 9000,
    example: (row, random, rows) => {
      const name = (intent) => intent.replace(/_/g, " ");
      const choices = new Set([name(row.intent)]);
      while (choices.size < 4) choices.add(name(rows[random.below(rows.length)].intent));
      return { fields: { text: tidy(row.text) }, target: name(row.intent), choices: shuffled(choices, random) };
    },
    wordings: [
      "What does the user want: {options}? {text}",
      "{text}\nChoose the intent.\n{list}",
      'A person says: "{text}" Is this about {options}?',
      "Request: {text}\nIntent ({options}):",
      "Sort this request into {options}. {text}",
    ],
  },
  {
    name: "mrpc",
    files: { train: "mrpc.train", validation: "mrpc.validation" },
    cap: 3576,
    example: (row) => ({
      fields: { a: tidy(row.sentence1), b: tidy(row.sentence2) },
      ...yesNo(Number(row.label) === 1),
    }),
    wordings: [
      "Do these two sentences mean the same? {a} {b}",
      "{a}\n{b}\nSame meaning, yes or no?",
      "Sentence 1: {a}\nSentence 2: {b}\nDo they say the same thing?",
      "Is the second sentence a paraphrase of the first? {a} {b}",
      'Does "{a}" mean the same as "{b}"?',
    ],
  },
  {
    name: "cola",
    files: { train: "cola.train", validation: "cola.validation" },
    cap: 6000,
    example: (row) => ({ fields: { text: tidy(row.sentence) }, ...yesNo(Number(row.label) === 1) }),
    wordings: [
      "Is this good English? {text}",
      "{text}\nIs this sentence correct, yes or no?",
      "Sentence: {text}\nGrammatical:",
      "Would a native speaker say this? {text}",
    ],
  },
  {
    name: "well_formed",
    files: { train: "query_wellformedness.train", validation: "query_wellformedness.validation" },
    cap: 6000,
    example: (row) => {
      const rating = Number(row.rating);
      if (rating > 0.3 && rating < 0.7) return undefined;
      return { fields: { text: tidy(row.content) }, ...yesNo(rating >= 0.7) };
    },
    wordings: [
      "Is this a well-formed question? {text}",
      "{text}\nIs the question written correctly, yes or no?",
      "Question: {text}\nWell formed:",
      "Could this be printed as a proper question? {text}",
    ],
  },
  {
    name: "qamr",
    files: { train: "qamr.train", validation: "qamr.validation" },
    cap: 14000,
    example: (row) => ({
      fields: { passage: tidy(row.sentence), question: tidy(row.question) },
      target: tidy(row.answer),
    }),
    wordings: [
      "{passage}\nQuestion: {question}",
      "Read this: {passage} {question}",
      "{question} Find the answer in the text: {passage}",
      "Text: {passage}\n{question}\nAnswer:",
      "Answer from the passage. {passage} {question}",
      "Here is a text. {passage} According to it, {question}",
    ],
  },
  {
    name: "answerable",
    files: { train: "qamr.train", validation: "qamr.validation" },
    cap: 7000,
    example: matched(
      (row) => row.sentence,
      (row) => row.question,
    ),
    wordings: [
      "Does the text answer the question? Text: {passage} Question: {question}",
      "{passage}\nCan you tell from this: {question} Answer yes or no.",
      'Is "{question}" answered here? {passage}',
      "{passage}\nQuestion: {question}\nIs the answer in the text?",
    ],
  },
  {
    name: "title",
    files: { train: "ag_news.train", validation: "ag_news.test" },
    cap: 1000,
    example: (row) =>
      words(row.title) < 12 ? { fields: { text: tidy(row.description) }, target: tidy(row.title) } : undefined,
    wordings: [
      "Write a headline for this: {text}",
      "{text}\nTitle:",
      "Summarise in a few words: {text}",
      "Give this news a title. {text}",
    ],
  },
  {
    name: "e2e_nlg",
    files: { train: "e2e_nlg.train", validation: "e2e_nlg.test" },
    cap: 1000,
    example: (row) => ({
      fields: { data: row.meaning_representation.replace(/(\w+)\[([^\]]*)\]/g, "$1: $2") },
      target: tidy(row.human_reference),
    }),
    wordings: [
      "Describe the restaurant. {data}",
      "{data}\nWrite this as a sentence.",
      "Turn the data into text: {data}",
      "Say in words: {data}",
    ],
  },
];

const dbpediaNames = [
  "company",
  "school",
  "artist",
  "athlete",
  "politician",
  "vehicle",
  "building",
  "nature",
  "village",
  "animal",
  "plant",
  "album",
  "film",
  "book",
];

/** Fill a wording for an example. */
export function render(wording, { fields, choices = [] }) {
  const said = choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  const values = { ...fields, options: said, list: choices.map((choice) => `- ${choice}`).join("\n") };
  return wording.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
