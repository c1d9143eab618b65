/** What authors say in the comments field: where a paper appears, how long it is, where its code is. */
import type { Venue } from "./paper.ts";

/** Names of conferences and journals. */
const patterns: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["NAACL", /\bNAACL(?:-HLT)?\b/],
  ["EACL", /\bEACL\b/],
  ["AACL", /\bAACL\b/],
  ["TACL", /\bTACL\b|Transactions of the (?:ACL|Association for Computational Linguistics)/i],
  ["ACL", /(?<![A-Za-z])ACL\b|Association for Computational Linguistics/],
  ["EMNLP", /\bEMNLP\b|Empirical Methods in Natural Language/i],
  ["COLING", /\bCOLING\b/i],
  ["CoNLL", /\bCo-?NLL\b/i],
  ["IJCNLP", /\bIJCNLP\b/],
  ["Computational Linguistics", /\bComputational Linguistics,? (?:journal|vol|\d)/i],
  ["NeurIPS", /\bNeurIPS\b|\bNIPS\b/],
  ["ICML", /\bICML\b/],
  ["ICLR", /\bICLR\b/],
  ["AISTATS", /\bAISTATS\b/i],
  ["COLT", /\bCOLT\b/],
  ["JMLR", /\bJMLR\b|Journal of Machine Learning Research/i],
  ["AAAI", /\bAAAI\b/],
  ["IJCAI", /\bIJCAI\b/],
  ["JAIR", /\bJAIR\b|Journal of Artificial Intelligence Research/i],
  ["CVPR", /\bCVPR\b/],
  ["ICCV", /\bICCV\b/],
  ["ECCV", /\bECCV\b/],
  ["KDD", /\b(?:SIG)?KDD\b/],
  ["SIGIR", /\bSIGIR\b/],
  ["CIKM", /\bCIKM\b/],
  ["WSDM", /\bWSDM\b/],
  ["ECIR", /\bECIR\b/],
  ["WWW", /\bWWW ?(?:20|'|’)\d\d|The Web Conference/],
  ["RecSys", /\bRecSys\b/],
  ["ICDM", /\bICDM\b/],
  ["Interspeech", /\bInterspeech\b/i],
  ["ICASSP", /\bICASSP\b/],
  ["ASRU", /\bASRU\b/],
  ["SLT", /\bIEEE SLT\b|\bSLT ?(?:20)?\d\d/],
  ["TASLP", /\bTASLP\b|Transactions on Audio,? Speech/i],
  ["ICRA", /\bICRA\b/],
  ["IROS", /\bIROS\b/],
  ["CoRL", /\bCoRL\b/],
  ["Nature", /\bNature (?:Machine Intelligence|Communications|Methods)\b|\bpublished in Nature\b/i],
];

const submitted =
  /\b(?:submitted|submission|under review|in review|to be submitted|preprint submitted|under submission)\b/i;
const accepted = /\b(?:accepted|to appear|published|camera[- ]ready|in proceedings|presented)\b/i;
const oral = /\b(?:oral|spotlight|best paper|outstanding paper|long talk)\b/i;

/** A workshop beside a conference is not the conference. */
const beside = /\bworkshops?\b|\bshared task\b|\bstudent research\b/i;

/** The place that a paper's comments or journal reference name. */
export function venueOf(comments = "", journalRef = ""): Venue | undefined {
  const text = `${comments}\n${journalRef}`.slice(0, 4000);
  const found = patterns.find(([, pattern]) => pattern.test(text));
  if (found === undefined || beside.test(text)) return undefined;
  const waiting = submitted.test(comments) && !accepted.test(comments) && !found[1].test(journalRef);
  return { name: found[0], state: waiting ? "submitted" : oral.test(comments) ? "oral" : "accepted" };
}

export function pagesOf(comments = ""): number | undefined {
  const pages = /\b(\d{1,4})\s*(?:pages?|pp\b|p\.)/i.exec(comments)?.[1];
  return pages === undefined ? undefined : Number(pages);
}

/** Addresses of code in what the authors wrote: http(s) and known places alone. */
export function codeOf(...texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => [
    ...text.matchAll(
      /\bhttps?:\/\/(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)\/[\w.-]{1,100}(?:\/[\w.-]{1,100})?/gi,
    ),
  ]);
  return [...new Set(found.map(([address]) => address.replace(/[.]+$/, "")))].slice(0, 8);
}

/** Withdrawn papers keep their page and say so in the abstract or the comments. */
export const isWithdrawn = (abstract: string, comments = ""): boolean =>
  /\b(?:paper|article|submission|manuscript|preprint|work|version)\s+(?:has been|is|was|is being|have been)\s+(?:temporarily\s+|hereby\s+)?(?:withdrawn|retracted)\b/i.test(
    `${abstract.slice(0, 2000)} ${comments.slice(0, 500)}`,
  ) ||
  /^\s*(?:withdrawn|retracted)\b/i.test(comments) ||
  /^\s*withdrawn\b/i.test(abstract);
