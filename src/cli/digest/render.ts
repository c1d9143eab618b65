/** `zeroth digest render` and `zeroth digest year`. */
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import type { Digest } from "../../digest/document.ts";
import { needMonth } from "../../digest/make-node.ts";
import { eml } from "../../digest/render/email.ts";
import { atom, type FeedOptions, jsonFeed, rss } from "../../digest/render/feeds.ts";
import { html } from "../../digest/render/html.ts";
import { markdown, plainText } from "../../digest/render/markdown.ts";
import { pngOf } from "../../digest/render/png-node.ts";
import { review } from "../../digest/render/review.ts";
import { madeDigest, madeDigests } from "../../digest/store/digests-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { yearHtml, yearOf } from "../../digest/year-node.ts";
import { fail } from "../../errors.ts";
import { oneOf } from "../parse.ts";
import { type Call, chosenGroup, needStore } from "./call.ts";

const formats = ["md", "txt", "html", "review", "eml", "rss", "atom", "json-feed", "json"] as const;
type Format = (typeof formats)[number];

const names: Readonly<Record<Format, (month: string) => string>> = {
  md: (month) => `${month}.md`,
  txt: (month) => `${month}.txt`,
  html: (month) => `${month}.html`,
  review: (month) => `${month}-review.html`,
  eml: (month) => `${month}.eml`,
  rss: () => "feed.rss",
  atom: () => "feed.atom",
  "json-feed": () => "feed.json",
  json: (month) => `${month}.json`,
};

async function rendered(format: Format, digest: Digest, all: () => Digest[], { flags, output }: Call): Promise<string> {
  const feed = (): FeedOptions => {
    if (flags.site === undefined) output.say("without --site the feed's links lead nowhere");
    return { site: flags.site ?? "https://localhost/" };
  };
  switch (format) {
    case "md":
      return markdown(digest);
    case "txt":
      return plainText(digest);
    case "html":
      return html(digest);
    case "review":
      return review(digest);
    case "json":
      return `${JSON.stringify(digest, null, 2)}\n`;
    case "rss":
      return rss(all(), feed());
    case "atom":
      return atom(all(), feed());
    case "json-feed":
      return jsonFeed(all(), feed());
    case "eml": {
      const { mailFrom: from = "digest@localhost", mailTo: to = "undisclosed-recipients:;", unsubscribe } = flags;
      return eml(digest, { from, to, unsubscribe, png: await pngOf(digest.chart) });
    }
  }
}

async function put(call: Call, name: string, format: string, text: string): Promise<void> {
  const { flags, output } = call;
  const file = join(flags.out ?? ".", name);
  await writeFileSafely(file, text);
  output.row({ format, file, bytes: Buffer.byteLength(text) });
  output.text(`${output.bold(file)}  ${output.dim(`${Buffer.byteLength(text).toLocaleString("en")} bytes`)}\n`);
}

export async function render(call: Call): Promise<number> {
  const { flags, output } = call;
  const month = needMonth(
    flags.month ?? fail("wrong_use", "--month is needed", { hint: "for example --month 2021-11" }),
  );
  const group = chosenGroup(call);
  const wanted = (flags.format ?? ["md"]).map((name) => oneOf("--format", name, formats));
  const store = openStore(needStore(call));
  try {
    const digest = madeDigest(store, group.name, month);
    for (const format of wanted) {
      const text = await rendered(format, digest, () => madeDigests(store, group.name), call);
      if (flags.out === undefined && wanted.length === 1 && !output.json) output.text(text);
      else await put(call, names[format](month), format, text);
    }
    return 0;
  } finally {
    store.close();
  }
}

export async function year(call: Call): Promise<number> {
  const { flags } = call;
  const wanted = flags.year ?? fail("wrong_use", "--year is needed", { hint: "for example --year 2018" });
  const store = openStore(needStore(call));
  try {
    const summary = yearOf(store, wanted, chosenGroup(call));
    await put(call, `${wanted}.html`, "html", yearHtml(summary));
    const { charts: _, ...plain } = summary;
    await put(call, `${wanted}.json`, "json", `${JSON.stringify(plain, null, 2)}\n`);
    return 0;
  } finally {
    store.close();
  }
}
