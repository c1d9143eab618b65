/** Papers of our own making in the layouts of arXiv's servers, and a server that harvests can be tried on. */
import type { Fetch } from "../../src/hub/download/http.ts";

export interface MadePaper {
  readonly id: string;
  readonly day: string;
  readonly title: string;
  readonly abstract: string;
  readonly categories?: string;
  readonly comments?: string;
  readonly authors?: string;
  readonly versions?: readonly string[];
  /** Day of the record's last change. */
  readonly changed?: string;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

const rfc = (iso: string): string => new Date(iso.length === 10 ? `${iso}T00:00:00Z` : iso).toUTCString();

const versionsOf = ({ day, versions = [day] }: MadePaper): readonly string[] => versions;

/** A line of the snapshot. */
export const snapshotLine = (paper: MadePaper): string => {
  const { id, title, abstract, categories = "cs.CL", comments = null, authors = "Ada Lind and Bo Maar" } = paper;
  const versions = versionsOf(paper).map((created, i) => ({ version: `v${i + 1}`, created: rfc(created) }));
  const rest = { "journal-ref": null, doi: null, license: null, update_date: paper.changed ?? paper.day };
  return JSON.stringify({ id, authors, title, comments, categories, abstract, versions, ...rest });
};

/** A record of OAI-PMH in the format `arXivRaw`. */
export const oaiRecord = (paper: MadePaper): string => {
  const { id, title, abstract, categories = "cs.CL", comments, authors = "Ada Lind and Bo Maar" } = paper;
  const versions = versionsOf(paper).map((at, i) => `<version version="v${i + 1}"><date>${rfc(at)}</date></version>`);
  return `<record><header><identifier>oai:arXiv.org:${id}</identifier><datestamp>${paper.changed ?? paper.day}</datestamp><setSpec>cs:cs:CL</setSpec></header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>${id}</id>${versions.join("")}<title>${escaped(title)}</title><authors>${escaped(authors)}</authors><categories>${categories}</categories>${comments === undefined ? "" : `<comments>${escaped(comments)}</comments>`}<abstract>  ${escaped(abstract)}\n</abstract></arXivRaw></metadata></record>`;
};

export const oaiDeleted = (id: string, day: string): string =>
  `<record><header status="deleted"><identifier>oai:arXiv.org:${id}</identifier><datestamp>${day}</datestamp></header></record>`;

const page = (content: string, date: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>${date}T03:04:05Z</responseDate><request verb="ListRecords">http://127.0.0.1/oai</request>${content}</OAI-PMH>`;

export const oaiError = (code: string, date: string): string => page(`<error code='${code}'>${code}</error>`, date);

export const oaiPage = (records: readonly string[], date: string, token?: string): string =>
  page(
    `<ListRecords>${records.join("")}${token === undefined ? "" : `<resumptionToken expires='${date}T23:59:59Z'>${token}</resumptionToken>`}</ListRecords>`,
    date,
  );

/** An entry of the query API's feed; what is in it stands in another order than arXiv's pages have it. */
export const atomEntry = (paper: MadePaper): string => {
  const { id, title, abstract, categories = "cs.CL", comments, authors = "Ada Lind and Bo Maar" } = paper;
  const all = versionsOf(paper);
  const iso = (at: string): string => `${new Date(rfc(at)).toISOString().slice(0, 19)}Z`;
  const [primary] = categories.split(" ");
  return `<entry><arxiv:primary_category term="${primary}"/><summary>${escaped(abstract)}</summary>${comments === undefined ? "" : `<arxiv:comment>${escaped(comments)}</arxiv:comment>`}<id>http://arxiv.org/abs/${id}v${all.length}</id>${authors
    .split(/, | and /)
    .map((name) => `<author><name>${escaped(name)}</name></author>`)
    .join("")}<title>${escaped(title)}</title>${categories
    .split(" ")
    .map((name) => `<category term="${name}" scheme="http://arxiv.org/schemas/atom"/>`)
    .join("")}<published>${iso(all[0]!)}</published><updated>${iso(all.at(-1)!)}</updated></entry>`;
};

export const atomFeed = (entries: readonly string[], total: number = entries.length): string =>
  `<?xml version='1.0' encoding='UTF-8'?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:os="http://a9.com/-/spec/opensearch/1.1/"><os:totalResults>${total}</os:totalResults>${entries.join("")}</feed>`;

export interface OaiServer {
  readonly fetch: Fetch;
  /** Addresses that were asked for. */
  readonly asked: string[];
}

/**
 * A server of OAI-PMH over records by their datestamps, with pages of `size` records.
 * @param trouble what a request is answered with in the place of its page; undefined to answer it
 */
export function oaiServer(
  records: readonly { readonly day: string; readonly xml: string }[],
  {
    size = 2,
    today,
    trouble = () => undefined,
  }: {
    readonly size?: number;
    readonly today: string;
    readonly trouble?: (request: number, address: URL) => Response | Error | undefined;
  },
): OaiServer {
  const asked: string[] = [];
  const answer = (url: URL): string => {
    const token = url.searchParams.get("resumptionToken");
    const query = token === null ? url.searchParams : new URLSearchParams(decodeURIComponent(token));
    const [from, until] = [query.get("from")!, query.get("until")!];
    const skip = Number(query.get("skip") ?? 0);
    const all = records.filter(({ day }) => day >= from && day <= until);
    if (all.length === 0) return oaiError("noRecordsMatch", today);
    const next = encodeURIComponent(`from=${from}&until=${until}&skip=${skip + size}`);
    const shown = all.slice(skip, skip + size).map(({ xml }) => xml);
    return oaiPage(shown, today, skip + size < all.length ? next : undefined);
  };
  return {
    asked,
    async fetch(address) {
      const url = new URL(address);
      const problem = trouble(asked.length, url);
      asked.push(url.search);
      if (problem instanceof Error) throw problem;
      return problem ?? new Response(answer(url), { status: 200 });
    },
  };
}
