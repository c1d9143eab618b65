/** A digest as a mail: HTML of tables with styles of their own, the same as plain text, and the chart as a picture. */
import type { Digest, Item, Sentence } from "../document.ts";
import { escaped } from "./escape.ts";
import { linked } from "./html.ts";
import { plainText } from "./markdown.ts";
import { allExtracted, authorsLine, footLine, mark, placeLine, reasonsLine } from "./words.ts";

export interface MailOptions {
  /** `Name <digest@example.org>` */
  readonly from: string;
  readonly to: string;
  /** When it is sent, ISO; the end of the month by default, so that the same digest is the same mail. */
  readonly date?: string | undefined;
  /** Where readers say that they want no more: http(s) or mailto. */
  readonly unsubscribe?: string | undefined;
  /** The chart as PNG; without it the mail has none. */
  readonly png?: Uint8Array | undefined;
}

/** Longer mails are clipped by their readers. */
export const mostBytes = 100_000;

const font = "font-family:Arial,Helvetica,sans-serif;color:#1b1b1b";
const soft = "font-size:13px;line-height:1.45;color:#595959";
const row = (style: string, content: string): string => `<tr><td style="${font};${style}">${content}</td></tr>`;

const said = (sentence: Sentence, quiet: boolean): string => {
  const words = quiet && !sentence.unsupported?.length ? "" : mark(sentence);
  return `${escaped(sentence.text)}${words === "" ? "" : ` <span style="color:#595959;font-size:12px">(${escaped(words)})</span>`}`;
};

function itemRows(item: Item, insights: boolean): string {
  const quiet = allExtracted(item);
  const list = item.insights.map((one) => `<li style="margin:4px 0">${said(one, quiet)}</li>`).join("");
  return [
    row(
      "padding:18px 0 2px;font-size:18px;line-height:1.3;font-weight:bold;border-top:1px solid #d9d9d9",
      `${item.rank}. ${linked(item.title, item.link)}`,
    ),
    row(`padding:0 0 6px;${soft}`, `${escaped(authorsLine(item.authors))}<br>${escaped(placeLine(item))}`),
    row("padding:0 0 4px;font-size:15px;line-height:1.5", `<strong>Why:</strong> ${said(item.why, quiet)}`),
    insights && list !== ""
      ? row("padding:0 0 4px;font-size:15px;line-height:1.5", `<ul style="margin:4px 0;padding-left:20px">${list}</ul>`)
      : "",
    row(
      `padding:0 0 14px;${soft}`,
      `${quiet ? "All sentences are from the abstract. " : ""}${item.reasons.length > 0 ? `Chosen for: ${escaped(reasonsLine(item))}` : ""}`,
    ),
  ].join("");
}

/** The mail's page. Insights are left out where it would be too long with them. */
export function mailHtml(digest: Digest, picture: boolean): string {
  const build = (insights: boolean, misses: boolean): string => {
    const near = digest.nearMisses
      .map((miss) => `<li style="margin:4px 0">${linked(miss.title, miss.link)}</li>`)
      .join("");
    return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(digest.title)}</title></head><body style="margin:0;padding:0;background:#ffffff"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center" style="padding:16px"><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px">${[
      row("padding:0 0 8px;font-size:25px;line-height:1.2;font-weight:bold", escaped(digest.title)),
      row("padding:0 0 8px;font-size:15px;line-height:1.5", escaped(digest.growth)),
      ...digest.intro.map((line) => row("padding:0 0 8px;font-size:15px;line-height:1.5", escaped(line))),
      picture
        ? row(
            "padding:8px 0",
            `<img src="cid:chart@zeroth" width="600" alt="${escaped(digest.growth)}" style="width:100%;max-width:600px;height:auto;border:0">`,
          )
        : "",
      row(`padding:0 0 12px;${soft}`, digest.notes.map(escaped).join("<br>")),
      ...digest.items.map((item) => itemRows(item, insights)),
      misses && near !== ""
        ? row(
            "padding:18px 0 2px;font-size:15px;line-height:1.5;border-top:1px solid #d9d9d9",
            `<strong>What came close</strong><ul style="margin:4px 0;padding-left:20px">${near}</ul>`,
          )
        : "",
      row(
        `padding:18px 0 0;border-top:1px solid #d9d9d9;${soft}`,
        escaped(`${footLine}${digest.writer ? ` Model: ${digest.writer}.` : ""}`),
      ),
    ].join("")}</table></td></tr></table></body></html>`;
  };
  const size = (text: string): number => new TextEncoder().encode(text).length;
  for (const [insights, misses] of [
    [true, true],
    [true, false],
    [false, false],
  ] as const) {
    const whole = build(insights, misses);
    if (size(whole) < mostBytes) return whole;
  }
  return mailHtml({ ...digest, items: digest.items.slice(0, -1), nearMisses: [] }, picture);
}

/** A header's value: one line, what is not ASCII encoded (RFC 2047). */
function header(name: string, value: string): string {
  const line = value.replace(/[^\P{Cc}]/gu, " ").trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
  if (/^[\u0000-\u007e]*$/.test(line)) return `${name}: ${line}`;
  const words: string[] = [];
  let part = "";
  for (const character of line) {
    if (new TextEncoder().encode(part + character).length > 42) {
      words.push(part);
      part = "";
    }
    part += character;
  }
  words.push(part);
  return `${name}: ${words.map((word) => `=?UTF-8?B?${base64(new TextEncoder().encode(word))}?=`).join("\r\n ")}`;
}

const base64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
};
const lines = (text: string): string => text.replace(/.{1,76}/g, "$&\r\n");

/** The whole mail (RFC 5322): multipart/alternative, its HTML with the picture. */
export function eml(digest: Digest, options: MailOptions): string {
  const { from, to, png, unsubscribe } = options;
  const date = new Date(options.date ?? `${digest.month}-28T08:00:00Z`).toUTCString().replace("GMT", "+0000");
  const [outer, inner] = [`=_digest_${digest.month}_a`, `=_digest_${digest.month}_b`];
  const encode = (text: string): string => lines(base64(new TextEncoder().encode(text)));
  const part = (type: string, content: string, ...more: string[]): string =>
    [`Content-Type: ${type}`, "Content-Transfer-Encoding: base64", ...more, "", content].join("\r\n");
  const page = part("text/html; charset=utf-8", encode(mailHtml(digest, png !== undefined)));
  const related =
    png === undefined
      ? page
      : [
          `Content-Type: multipart/related; boundary="${inner}"`,
          "",
          `--${inner}`,
          page,
          `--${inner}`,
          part(
            "image/png",
            lines(base64(png)),
            "Content-ID: <chart@zeroth>",
            'Content-Disposition: inline; filename="growth.png"',
          ),
          `--${inner}--`,
          "",
        ].join("\r\n");
  return [
    header("From", from),
    header("To", to),
    header("Subject", digest.title),
    `Date: ${date}`,
    `Message-ID: <digest-${digest.month}@zeroth.invalid>`,
    ...(unsubscribe && /^(?:https?:|mailto:)[^\s<>]{1,500}$/.test(unsubscribe)
      ? [`List-Unsubscribe: <${unsubscribe}>`]
      : []),
    "MIME-Version: 1.0",
    `Content-Type: multipart/alternative; boundary="${outer}"`,
    "",
    `--${outer}`,
    part("text/plain; charset=utf-8", encode(plainText(digest))),
    `--${outer}`,
    related,
    `--${outer}--`,
    "",
  ].join("\r\n");
}
