/** What answers must fit, from strangers: schemas and grammars, and some steps of an answer that fits them. */
const schemas = [
  {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1, maxLength: 40 },
      age: { type: "integer", minimum: 0, maximum: 120 },
      tags: { type: "array", items: { enum: ["a", "b", "ab"] }, maxItems: 5 },
      when: { type: "string", format: "date-time" },
      code: { type: "string", pattern: "^(?:[A-Z]{2,4}|x+y*)-\\d{1,9}$" },
    },
    required: ["name"],
    additionalProperties: { type: ["number", "null"] },
  },
  { $defs: { t: { type: "array", items: { anyOf: [{ $ref: "#/$defs/t" }, { type: "string" }] } } }, $ref: "#/$defs/t" },
  {
    allOf: [{ anyOf: [{ type: "object" }, { type: "array" }] }, { anyOf: [{ type: "object" }, { type: "string" }] }],
    oneOf: [
      { properties: { k: { const: 1 } }, required: ["k"] },
      { properties: { k: { const: 2 } }, required: ["k"] },
    ],
  },
  // What explodes where it is multiplied out.
  { allOf: Array.from({ length: 12 }, (_, i) => ({ anyOf: [{ maximum: i }, { maxLength: i }, { maxItems: i }] })) },
  { type: "array", minItems: 1e9 },
  { type: "string", maxLength: 1e9 },
  { type: "string", pattern: "^((a{1,1000}){1,1000}){1,1000}$" },
  { type: "string", pattern: "(a|a|aa)*(a*)*b" },
  { enum: Array.from({ length: 2000 }, (_, i) => `${i}`.repeat(3)) },
  { properties: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, { $ref: "#" }])) },
];

const grammars = [
  'root ::= item ("," " "? item)*\nitem ::= [a-z]{1,8} | "(" root ")" # nested\n',
  "root ::= [^\\n\"]{2,} | 'x' root 'y' | \"\\u00e9\" .\n",
  'root ::= a b c\na ::= "a"*\nb ::= (a | "b" a){0,20}\nc ::= [0-9]+ ("." [0-9]{1,3})?\n',
  'root ::= s\ns ::= "a" s s | "a" s | "a"\n',
  `root ::= ${"(".repeat(150)}"a"${"*)".repeat(150)}\n`,
  `root ::= ${"([a-z] | ".repeat(100)}"b"${")".repeat(100)}+\n`,
];

/** Tokens of one byte and of several, after the end token. */
const pieces = [
  ...Array.from({ length: 256 }, (_, byte) => [byte]),
  ...['{"', '":', '",', "aaaaaaaaaaaaaaaa", "}}}", "[[[[", "é", "🙂", " true", "12345678"].map((text) => [
    ...new TextEncoder().encode(text),
  ]),
];
const codec = {
  tokenBytes: () => ({
    bytes: (id) => (id === 0 ? undefined : Uint8Array.from(pieces[id - 1])),
    dropsFirstSpace: false,
    differsFirst: () => false,
  }),
};

/** Twelve steps of an answer, of the tokens that are possible the one that `random` picks. */
function walk(constraint, size, random) {
  const answer = [];
  const said = { before: [0], answer, most: 1000 };
  while (answer.length < 12 && !constraint.mustEnd(answer)) {
    const scores = new Float32Array(size);
    constraint.apply(0, said, scores);
    const possible = [...scores.keys()].filter((id) => scores[id] !== -Infinity);
    const token = possible[random(possible.length)];
    if (token === 0 || token === undefined) break;
    answer.push(token);
  }
}

const snippets = [
  "*",
  "+",
  "?",
  "{0,99999}",
  "{3,1}",
  "|",
  "(",
  ")",
  "root",
  "a",
  "[^a]",
  '""',
  "[\\u00e9-",
  "::=",
  "#",
  "\n",
  ".",
];

/** A grammar with one to four things put in, left out or said twice. */
function mutateGrammar(seed, random) {
  let text = seed;
  for (let n = 1 + random.below(4); n > 0; n--) {
    const [from, to] = [random.below(text.length + 1), random.below(8)];
    const part = random.pick([random.pick(snippets), random.pick(snippets), "", text.slice(from, from + 3 * to)]);
    text = text.slice(0, from) + part + text.slice(from + (random.next() < 0.5 ? to : 0));
  }
  return text;
}

export function structuredReaders({ constraintsFor, parseJsonObject }, generator) {
  const size = pieces.length + 1;
  const read = (asked, text) => {
    const random = generator(text.length);
    walk(constraintsFor(codec, size, [0])(asked), size, random.below);
  };
  return [
    {
      name: "schemas",
      seeds: schemas.map((schema) => JSON.stringify(schema)),
      read: (text) => read({ schema: parseJsonObject(text, "schema") }, text),
    },
    { name: "grammars", seeds: grammars, mutate: mutateGrammar, read: (text) => read({ grammar: text }, text) },
  ];
}
