/** Small PDF files: strings of Helvetica at places, in points from the lower left corner of a page of 612 by 792. */

/** A string's place, size and text (ASCII), or bare operators of the page's content. */
export type Written = readonly [x: number, y: number, size: number, text: string] | { readonly content: string };

export interface PdfParts {
  readonly title?: string;
  /** Whether a password that nobody knows protects it. */
  readonly locked?: boolean;
  /** Degrees by which pages are turned. */
  readonly rotate?: number;
}

const escaped = (text: string) => text.replace(/[\\()]/g, "\\$&");

/** One byte a character. */
export function pdfFile(pages: readonly (readonly Written[])[], { title, locked, rotate }: PdfParts = {}): Uint8Array {
  const objects: string[] = [];
  const add = (text: string): number => objects.push(text);
  add("<< /Type /Catalog /Pages 2 0 R >>");
  const kids = pages.map((_, i) => `${5 + 2 * i} 0 R`).join(" ");
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
  add(title === undefined ? "<< >>" : `<< /Title (${escaped(title)}) >>`);
  for (const page of pages) {
    const content = page
      .map((one) => {
        if ("content" in one) return one.content;
        const [x, y, size, text] = one;
        return `BT /F1 ${size} Tf 1 0 0 1 ${x} ${y} Tm (${escaped(text)}) Tj ET`;
      })
      .join("\n");
    const number = objects.length + 2;
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${rotate ? `/Rotate ${rotate}` : ""} /Contents ${number} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    );
    add(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  }
  const zeros = "00".repeat(32);
  const encrypt = locked
    ? `/Encrypt << /Filter /Standard /V 1 /R 2 /O <${zeros}> /U <${zeros}> /P -4 >> /ID [<00> <00>]`
    : "";
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const at = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const start = text.length;
  const entries = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 4 0 R ${encrypt} >>\nstartxref\n${start}\n%%EOF\n`;
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
