/** Feeds by what their formats ask for (RSS 2.0, RFC 4287, JSON Feed 1.1), and mails as they are read. */
import { decodeXML } from "entities";
import fc from "fast-check";
import { XMLValidator } from "fast-xml-parser";
import { Parser } from "htmlparser2";
import { expect, test } from "vitest";
import type { Digest, Item, Sentence } from "../document.ts";
import { parseXml } from "../sources/xml.ts";
import { eml } from "./email.ts";
import { atom, jsonFeed, rss } from "./feeds.ts";
import { columns, plainText, wrapped } from "./markdown.ts";

const sentence = (text: string): Sentence => ({ text, by: "extract", spans: [] });

/** A digest whose texts are all one. */
function digestOf(text: string, month: string, group = "cs.CL"): Digest {
  const item: Item = {
    ...{ id: "2111.00001", title: text, authors: [text, "Bo Maar"], primary: "cs.CL", categories: ["cs.CL"] },
    ...{ submitted: "2021-11-01", score: 0.5, cluster: text, link: "https://arxiv.org/abs/2111.00001", rank: 1 },
    reasons: [{ feature: "momentum", value: 1.25, percentile: 0.75 }],
    ...{ why: sentence(text), insights: [sentence(text), sentence("It is short.")], source: text, replaced: 0 },
  };
  return {
    ...{ format: "zeroth-digest-1", title: text, month, group, categories: ["cs.CL"], months: [month] },
    ...{ counts: { listed: 1, primary: 1, candidates: 1 }, growth: text, chart: "<svg/>", notes: [text] },
    ...{ intro: [text], items: [item], nearMisses: [item], clusters: [] },
  };
}

const web = /^https?:\/\/[^\s<>"]+$/;
const rfc822 =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
/** RFC 4151. */
const tag = /^tag:[A-Za-z0-9.-]+,\d{4}:(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-F]{2})*$/;

const listOf = (value: unknown): Record<string, unknown>[] =>
  value === undefined ? [] : ((Array.isArray(value) ? value : [value]) as Record<string, unknown>[]);
/** As a reader has it: our own reader of XML leaves references to characters to who reads the text. */
const textIn = (value: unknown): string =>
  decodeXML(
    typeof value === "object" && value !== null
      ? String((value as Record<string, unknown>)["#text"] ?? "")
      : String(value ?? ""),
  );

/** Markup within a feed: elements of texts alone, links to the web alone. */
function needPlainMarkup(html: string): void {
  expect(html).toMatch(/^<p>.*<h2>1\. <a href="https:\/\/arxiv\.org/s);
  const parser = new Parser({
    onopentag(name, { href, ...rest }) {
      expect(["p", "h2", "a", "br", "strong", "ul", "li"]).toContain(name);
      expect(rest).toEqual({});
      if (href !== undefined) expect(href).toMatch(web);
    },
  });
  parser.end(html);
}

function needRss(xml: string, count: number): void {
  expect(XMLValidator.validate(xml)).toBe(true);
  const { rss: feed } = parseXml(xml, "rss") as { rss: { "@version": string; channel: Record<string, unknown> } };
  expect(feed["@version"]).toBe("2.0");
  const { title, link, description, language, item } = feed.channel;
  expect([textIn(title), textIn(description), language].every(Boolean)).toBe(true);
  expect(
    listOf(link)
      .map(textIn)
      .find((one) => web.test(one)),
  ).toBeDefined();
  expect(xml).toMatch(/<atom:link href="https?:[^"]+" rel="self" type="application\/rss\+xml"\/>/);
  const items = listOf(item);
  expect(items).toHaveLength(count);
  expect(new Set(items.map(({ guid }) => textIn(guid))).size).toBe(count);
  for (const one of items) {
    expect(one).toMatchObject({ guid: { "@isPermaLink": "false" } });
    expect(textIn(one.guid)).toMatch(tag);
    expect(textIn(one.pubDate)).toMatch(rfc822);
    expect(new Date(textIn(one.pubDate)).toUTCString()).toBe(textIn(one.pubDate));
    expect(textIn(one.link)).toMatch(web);
    needPlainMarkup(textIn(one.description));
  }
}

function needAtom(xml: string, count: number): void {
  expect(XMLValidator.validate(xml)).toBe(true);
  const { feed } = parseXml(xml, "atom") as { feed: Record<string, unknown> };
  expect(textIn(feed.id)).toMatch(tag);
  expect(textIn(feed.updated)).toMatch(rfc3339);
  expect(textIn(feed.title)).not.toBe("");
  expect(textIn((feed.author as Record<string, unknown>).name)).not.toBe("");
  const links = listOf(feed.link);
  expect(links.map((one) => one["@rel"]).sort()).toEqual(["alternate", "self"]);
  for (const one of links) expect(textIn(one["@href"])).toMatch(web);
  const entries = listOf(feed.entry);
  expect(entries).toHaveLength(count);
  expect(new Set([textIn(feed.id), ...entries.map(({ id }) => textIn(id))]).size).toBe(count + 1);
  for (const one of entries) {
    expect(textIn(one.id)).toMatch(tag);
    expect(textIn(one.updated)).toMatch(rfc3339);
    expect(textIn(one.updated) <= textIn(feed.updated)).toBe(true);
    expect(listOf(one.link)[0]).toMatchObject({ "@rel": "alternate", "@href": expect.stringMatching(/^http/) });
    expect((one.content as Record<string, unknown>)["@type"]).toBe("html");
    needPlainMarkup(textIn(one.content));
  }
}

function needJsonFeed(json: string, count: number): void {
  const feed = JSON.parse(json);
  expect(feed).toMatchObject({ version: "https://jsonfeed.org/version/1.1", language: "en" });
  expect(feed.title).not.toBe("");
  for (const address of [feed.home_page_url, feed.feed_url]) expect(address).toMatch(web);
  expect(feed.items).toHaveLength(count);
  expect(new Set(feed.items.map(({ id }: { id: string }) => id)).size).toBe(count);
  for (const one of feed.items) {
    expect([typeof one.id, typeof one.title, typeof one.content_html]).toEqual(["string", "string", "string"]);
    expect(one.date_published).toMatch(rfc3339);
    expect(one.url).toMatch(web);
    needPlainMarkup(one.content_html);
  }
}

const months = ["2021-01", "2021-12", "2020-02"];

test.each([
  ["a plain text", "Trees grow.", "cs.CL", "https://example.org/d"],
  ["markup", "<b>x</b> ]]> <![CDATA[ &amp; &#0; \"'", "cs.CL", "https://example.org/d?a=1&b=2"],
  ["characters that XML has not", "a\u0000b\u0008c\ud800d\uffff", "robots \ud800& more", "http://[::1]:8080/v1"],
  ["a site that is none", "x", "a b/c?d#e", "javascript:alert(1)"],
])("%s: required elements, dates, unique names, escaping", (_, text, group, site) => {
  const all = months.map((month) => digestOf(text, month, group));
  needRss(rss(all, { site }), 3);
  needAtom(atom(all, { site }), 3);
  needJsonFeed(jsonFeed(all, { site }), 3);
  needAtom(atom([], { site, title: "None yet" }), 0);
});

test("whatever texts say, feeds are what they should be", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, group) => {
      const all = [digestOf(`x${text}`, "2021-11", group)];
      needRss(rss(all, { site: "https://example.org" }), 1);
      needAtom(atom(all, { site: "https://example.org" }), 1);
      needJsonFeed(jsonFeed(all, { site: "https://example.org" }), 1);
    }),
    { numRuns: 25 },
  );
});

test("two groups of one site are two feeds", () => {
  const ids = ["cs.CL", "cs.LG"].map(
    (group) => /<id>([^<]*)</.exec(atom([digestOf("x", "2021-11", group)], { site: "https://example.org" }))![1],
  );
  expect(new Set(ids).size).toBe(2);
});

test("the mail's plain text has lines of 72 characters, but for addresses", () => {
  const text = `${"Some words of a sentence that goes on ".repeat(8)}to its end.`;
  const lines = plainText(digestOf(text, "2021-11")).split("\n");
  const long = lines.filter((line) => line.length > columns);
  expect(long).toEqual([]);
  expect(lines.some((line) => line.length > columns - 8)).toBe(true);
  for (let n = 55; n < 75; n++) expect(wrapped(`${"x".repeat(n)} 12 %.`)).toMatch(/12 %\.$/);
  const mail = eml(digestOf(text, "2021-11"), { from: "a@example.org", to: "b@example.org" });
  const part = /text\/plain[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(mail)![1]!;
  expect(Buffer.from(part, "base64").toString("utf8")).toBe(lines.join("\n"));
});
