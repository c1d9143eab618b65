/**
 * What the embedded model learns: data sets, the folder of our own wordings of each, how much of the mixture it may
 * take, and which wordings are never trained, to see what another way of asking costs. Data sets whose terms forbid
 * commercial use (AG News, MRPC, DREAM, QuAIL, SciQ, DialogSum) or bind what is made of them (MPQA) are left out, and
 * so is everything that is held out as a task: inference, coreference, sentence completion, word sense, yes/no and
 * multi-answer reading.
 */

const exam = ["exam"];

/** @type {Record<string, { templates: string, cap: number, tidy: string[], held: string[], validation?: string }>} */
export const sets = {
  sst2: { templates: "sst2", cap: 8000, tidy: ["sentence"], held: ["did they like it", "thumbs"] },
  sst5: { templates: "sst5", cap: 6000, tidy: ["sentence"], held: ["verdict"] },
  rotten_tomatoes: { templates: "rotten_tomatoes", cap: 8000, tidy: ["text"], held: ["did they like it", "thumbs"] },
  customer_reviews: { templates: "customer_reviews", cap: 4000, tidy: ["text"], held: ["did they like it", "thumbs"] },
  subj: {
    templates: "subj",
    cap: 8000,
    tidy: ["sentence"],
    held: ["plot or judgement", "fact or opinion, after it", "narrator or reviewer", "mark opinions"],
  },
  trec: {
    templates: "trec",
    cap: 8000,
    tidy: ["text"],
    held: ["kind of answer", "person, place or number", "class of question", "look it up where"],
    validation: "trec.test",
  },
  dbpedia_14: {
    templates: "dbpedia_14",
    cap: 8000,
    tidy: ["content"],
    held: ["fill the blank", "sort the entry", "what is it", "shelf"],
  },
  clinc150: {
    templates: "clinc150",
    cap: 10000,
    tidy: [],
    held: ["domain", "about", "choose the area", "desk", "area first", "label it"],
  },
  cola: { templates: "glue/cola", cap: 4000, tidy: [], held: ["teacher"] },
  query_wellformedness: { templates: "query_wellformedness", cap: 6000, tidy: ["content"], held: ["the query is"] },
  qamr: { templates: "qamr", cap: 4000, tidy: ["sentence"], held: ["copy the words"] },
  e2e_nlg: { templates: "e2e_nlg", cap: 2000, tidy: [], held: ["say it nicely"], validation: "e2e_nlg.test" },
  commonsense_qa: { templates: "commonsense_qa", cap: 1000, tidy: [], held: exam },
  cos_e: { templates: "cos_e/v1.11", cap: 500, tidy: [], held: exam },
  openbookqa: { templates: "openbookqa/main", cap: 700, tidy: [], held: exam },
  arc_easy: { templates: "ai2_arc", cap: 500, tidy: [], held: exam },
  social_i_qa: { templates: "social_i_qa", cap: 700, tidy: [], held: exam },
  cosmos_qa: { templates: "cosmos_qa", cap: 400, tidy: ["context"], held: exam },
  piqa: { templates: "piqa", cap: 1000, tidy: [], held: ["better way"] },
  trivia_qa: { templates: "trivia_qa", cap: 400, tidy: [], held: ["quiz night"] },
  web_questions: { templates: "web_questions", cap: 400, tidy: [], held: ["quiz"] },
};

/** Sets of T0's own mixture that are only there as rendered prompts; long ones are skipped while training. */
export const rendered = [
  "paws_labeled_final",
  "quarel",
  "quartz",
  "wiqa",
  "qasc",
  "common_gen",
  "kilt_tasks_hotpotqa",
  "adversarial_qa_dbert",
  "adversarial_qa_dbidaf",
  "adversarial_qa_droberta",
  "wiki_bio",
];

/** Terms of instructions' instances that keep them out. */
export const bound = /NC|GPL|CCPL|Unknown/;

/** Running text for span corruption: data set and what to take of a row. Books come beside them. */
export const passages = {
  dbpedia_14: (row) => row.content,
  qamr: (row) => row.sentence,
  cosmos_qa: (row) => row.context,
  social_i_qa: (row) => row.context,
  piqa: (row) => `${row.goal} ${row[`sol${Number(row.label) + 1}`]}`,
  cos_e: (row) => row.abstractive_explanation,
};
