/** Messages for others: without places on this machine. */

/**
 * Absolute paths (of two names and more, so that a route such as /tokenize stays), drives of Windows, files' addresses,
 * addresses of memory.
 */
const places = [
  /\bfile:\/\/\S+/g,
  /(?<![\w.:/~-])~?\/(?!v1\/|api\/)[^\s/:"'`,;()]+\/[^\s:"'`,;()]*/g,
  /(?<!\w)[A-Za-z]:\\[^\s:"'`,;()]*/g,
  /\\\\[^\s:"'`,;()]+/g,
  /\b0x[0-9a-f]{6,}\b/gi,
];

/** The text with "…" for every place. */
export const redact = (text: string): string => places.reduce((rest, place) => rest.replace(place, "…"), text);
