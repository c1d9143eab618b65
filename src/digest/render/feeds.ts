/** Digests as feeds: RSS 2.0, Atom, JSON Feed 1.1, with names that stay. */
import type { Digest } from "../document.ts";
import { escaped, safeLink } from "./escape.ts";
import { linked } from "./html.ts";
import { monthNameOf } from "./months.ts";
import { authorsLine, placeLine } from "./words.ts";

export interface FeedOptions {
  /** `https://example.org/digest`: where the digests are published. */
  readonly site: string;
  readonly title?: string | undefined;
  readonly author?: string | undefined;
  /** Where a digest is read; by default MONTH.html below the site. */
  readonly addressOf?: ((digest: Digest) => string) | undefined;
  /** Where the feed itself is; by default feed.rss, feed.atom or feed.json below the site. */
  readonly self?: string | undefined;
}

/** What may stand in a tag's name (RFC 4151): an IPv6 address has brackets, which may not. */
const hostOf = (site: string): string =>
  ((URL.canParse(site) && new URL(site).hostname) || "localhost").replace(/[^A-Za-z0-9.-]+/g, "-");

/** A group's name within a tag's; half a character is none. */
const named = (group: string): string => encodeURIComponent(group.replace(/\p{Cs}/gu, "\ufffd"));

/** The same for the same site and month, whatever else changes. */
export const guid = (site: string, { month, group }: Pick<Digest, "month" | "group">): string =>
  `tag:${hostOf(site)},${month.slice(0, 4)}:digest/${named(group)}/${month}`;

/** A digest's time: the first day after its month, so that a feed made again is the same. */
const timeOf = ({ month }: Digest): Date =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 1, 8));

const home = (site: string): string => safeLink(site) ?? "https://localhost/";
const below = (site: string, name: string): string => `${home(site).replace(/\/+$/, "")}/${name}`;

const addressOf = ({ site, addressOf: own }: FeedOptions, digest: Digest): string =>
  own?.(digest) ?? below(site, `${digest.month}.html`);

/** What a reader of feeds shows: links and texts alone. */
function content(digest: Digest): string {
  const items = digest.items.map(
    (item) =>
      `<h2>${item.rank}. ${linked(item.title, item.link)}</h2><p>${escaped(authorsLine(item.authors))}<br>${escaped(placeLine(item))}</p><p><strong>Why:</strong> ${escaped(item.why.text)}</p><ul>${item.insights.map((one) => `<li>${escaped(one.text)}</li>`).join("")}</ul>`,
  );
  return `<p>${escaped(digest.growth)}</p>${digest.notes.map((note) => `<p>${escaped(note)}</p>`).join("")}${items.join("")}`;
}

const newest = (digests: readonly Digest[]): Digest[] => [...digests].sort((a, b) => (a.month < b.month ? 1 : -1));
const feedTitle = (digests: readonly Digest[], title: string | undefined): string =>
  title ?? `Best in ${digests[0]?.group ?? "arXiv"}`;

export function rss(digests: readonly Digest[], options: FeedOptions): string {
  const { site, title, self = below(site, "feed.rss") } = options;
  const items = newest(digests).map(
    (digest) =>
      `<item><title>${escaped(digest.title)}</title><link>${escaped(addressOf(options, digest))}</link><guid isPermaLink="false">${escaped(guid(site, digest))}</guid><pubDate>${timeOf(digest).toUTCString()}</pubDate><description>${escaped(content(digest))}</description></item>`,
  );
  const link = home(site);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>${escaped(feedTitle(digests, title))}</title><link>${escaped(link)}</link><atom:link href="${escaped(self)}" rel="self" type="application/rss+xml"/><description>Papers of a month, chosen from arXiv's metadata.</description><language>en</language>${items.join("")}</channel></rss>\n`;
}

export function atom(digests: readonly Digest[], options: FeedOptions): string {
  const { site, title, author = "Zeroth digest", self = below(site, "feed.atom") } = options;
  const all = newest(digests);
  const iso = (digest: Digest): string => timeOf(digest).toISOString().replace(".000", "");
  const entries = all.map(
    (digest) =>
      `<entry><id>${escaped(guid(site, digest))}</id><title>${escaped(digest.title)}</title><updated>${iso(digest)}</updated><link rel="alternate" type="text/html" href="${escaped(addressOf(options, digest))}"/><summary>${escaped(digest.growth)}</summary><content type="html">${escaped(content(digest))}</content></entry>`,
  );
  const link = home(site);
  const updated = all[0] === undefined ? "1970-01-01T00:00:00Z" : iso(all[0]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>${escaped(`tag:${hostOf(site)},2021:digest/${named(all[0]?.group ?? "")}`)}</id><title>${escaped(feedTitle(digests, title))}</title><updated>${updated}</updated><author><name>${escaped(author)}</name></author><link rel="self" href="${escaped(self)}"/><link rel="alternate" href="${escaped(link)}"/>${entries.join("")}</feed>\n`;
}

export function jsonFeed(digests: readonly Digest[], options: FeedOptions): string {
  const { site, title, author, self = below(site, "feed.json") } = options;
  const link = home(site);
  const feed = {
    version: "https://jsonfeed.org/version/1.1",
    title: feedTitle(digests, title),
    home_page_url: link,
    feed_url: self,
    language: "en",
    ...(author !== undefined && { authors: [{ name: author }] }),
    items: newest(digests).map((digest) => ({
      id: guid(site, digest),
      url: addressOf(options, digest),
      title: digest.title,
      summary: digest.growth,
      content_html: content(digest),
      date_published: timeOf(digest).toISOString().replace(".000", ""),
      tags: [digest.group, monthNameOf(digest.month)],
    })),
  };
  return `${JSON.stringify(feed, null, 2)}\n`;
}
