/** Asset keys as Dagster writes them: parts joined by "/", where a "/" or "\" within a part has a "\" before it. */

export const assetKeyText = (parts: readonly string[]): string =>
  parts.map((part) => part.replace(/[\\/]/g, (c) => `\\${c}`)).join("/");

export function assetKeyParts(text: string): string[] {
  const parts = [""];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === "\\" && i + 1 < text.length) parts[parts.length - 1] += text[++i]!;
    else if (c === "/") parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts;
}
