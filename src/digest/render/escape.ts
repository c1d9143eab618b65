/** Texts of strangers in markup: nothing of them is markup, and no address of theirs is anything but http(s). */

/** A text within an element or an attribute of HTML or XML, without the characters that XML does not have. */
export const escaped = (text: string): string =>
  text.replace(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** An address that may be a link; undefined for any other. */
export function safeLink(address: string): string | undefined {
  if (address.length > 2000 || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" ? url.href : undefined;
}
