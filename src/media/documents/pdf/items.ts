/**
 * What a PDF's text layer holds, page by page, through Mozilla's pdf.js: strings with their places. Nothing is drawn,
 * fetched or run: no canvas, fonts, forms or scripts, and functions of the file are interpreted, not compiled. It reads
 * what it can of a damaged file.
 */
import type { PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";
import { fail, throwIfAborted, ZerothError } from "../../../errors.ts";

/** A string of a page. Places are in points from the page's upper left corner. */
export interface Item {
  readonly text: string;
  /** Where its text begins in the text layer: the strings of all pages one after another, in UTF-16 units. */
  readonly at: number;
  readonly x: number;
  /** Its base line. */
  readonly y: number;
  readonly width: number;
  readonly size: number;
  /** Whether it is written from left to right; other directions are kept apart. */
  readonly upright: boolean;
}

export interface Page {
  readonly width: number;
  readonly height: number;
  readonly items: readonly Item[];
}

export interface Pdf {
  readonly title: string | undefined;
  readonly pages: readonly Page[];
}

export interface PdfOptions {
  /** Tables of characters of East Asian fonts that a file names and does not hold, as pdf.js packs them. */
  readonly cmap?: ((name: string) => Promise<Uint8Array>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const limits = { pages: 20_000, items: 500_000, characters: 64 << 20 } as const;

async function load() {
  const scope = globalThis as { pdfjsWorker?: object; DOMMatrix?: unknown; ImageData?: unknown; Path2D?: unknown };
  // Drawing asks for these when the library is loaded; text does not.
  for (const name of ["DOMMatrix", "ImageData", "Path2D"] as const) scope[name] ??= class {};
  // Its worker runs where we are: whoever needs another thread runs all of this in one.
  scope.pdfjsWorker ??= await import("pdfjs-dist/legacy/build/pdf.worker.mjs");
  return import("pdfjs-dist/legacy/build/pdf.mjs");
}

let library: ReturnType<typeof load> | undefined;

const nameOf = (cause: unknown): string => String((cause as { name?: unknown } | undefined)?.name ?? "");

function refuse(cause: unknown, where: string): never {
  if (cause instanceof ZerothError) throw cause;
  if (nameOf(cause) === "PasswordException") {
    return fail("unsupported", "is protected by a password", {
      where,
      hint: "save a copy without a password, and use that",
    });
  }
  return fail("corrupt_file", "cannot be read as PDF", {
    where,
    hint: "see whether a viewer opens it; get it again",
    cause,
  });
}

/** Characters that are none: what a font does not name, controls, halves of pairs. */
const unknown = /(?![\t\n])\p{Cc}|[\ufffe\uffff]|\p{Cs}/gu;

async function pageOf(document: PDFDocumentProxy, number: number, at: number, where: string): Promise<Page> {
  const page = await document.getPage(number);
  try {
    const { width, height, transform: view } = page.getViewport({ scale: 1 });
    const [va, vb, vc, vd, ve, vf] = view as [number, number, number, number, number, number];
    const items: Item[] = [];
    let place = at;
    const reader = page.streamTextContent({ includeMarkedContent: false }).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const item of value.items) {
        if (!("str" in item) || item.str === "") continue;
        if (items.length >= limits.items || place > limits.characters) {
          await reader.cancel(new Error("too much text"));
          fail("corrupt_file", `page ${number} has more text than is read of one document`, { where });
        }
        const [a, b, c, d, e, f] = item.transform as [number, number, number, number, number, number];
        const [ux, uy] = [va * a + vc * b, vb * a + vd * b];
        const size = Math.hypot(va * c + vc * d, vb * c + vd * d);
        const [x, y] = [va * e + vc * f + ve, vb * e + vd * f + vf];
        const numbers = [x, y, size, item.width].every(Number.isFinite);
        const text = item.str.replace(unknown, "\ufffd");
        items.push({
          ...{ text, at: place, x: numbers ? x : 0, y: numbers ? y : 0, width: numbers ? Math.max(0, item.width) : 0 },
          ...{ size: numbers && size > 0 ? size : 1, upright: numbers && ux > 0 && Math.abs(uy) < ux / 10 },
        });
        place += text.length;
      }
    }
    return { width, height, items };
  } finally {
    page.cleanup();
  }
}

/** @throws corrupt_file for what is no PDF or has more pages or text than is read; unsupported for one with a password */
export async function readPdf(bytes: Uint8Array, where: string, { cmap, signal }: PdfOptions = {}): Promise<Pdf> {
  library ??= load();
  const { getDocument } = await library;
  const task = getDocument({
    // It keeps what it is given, and may hand its memory on.
    data: new Uint8Array(bytes),
    ...{ isEvalSupported: false, disableFontFace: true, useSystemFonts: false, enableXfa: false, verbosity: 0 },
    ...{ useWorkerFetch: false, disableRange: true, disableStream: true, disableAutoFetch: true },
    isOffscreenCanvasSupported: false,
    CMapReaderFactory: class {
      async fetch({ name }: { name: string }) {
        if (!cmap || !/^[\w-]{1,60}$/.test(name)) throw new Error(`there is no table ${name}`);
        return { cMapData: await cmap(name), isCompressed: true };
      }
    },
  });
  try {
    const document = await task.promise;
    const count = document.numPages;
    if (count > limits.pages) fail("corrupt_file", `has ${count} pages, at most ${limits.pages} are read`, { where });
    const info = await document.getMetadata().then(
      (metadata) => (metadata.info as { Title?: unknown }).Title,
      () => undefined,
    );
    const pages: Page[] = [];
    let at = 0;
    let broken: unknown;
    for (let number = 1; number <= count; number++) {
      throwIfAborted(signal);
      try {
        const page = await pageOf(document, number, at, where);
        pages.push(page);
        const last = page.items.at(-1);
        if (last) at = last.at + last.text.length;
      } catch (cause) {
        if (cause instanceof ZerothError) throw cause;
        // What a damaged file still has is read: its page stays empty.
        broken = cause;
        pages.push({ width: 0, height: 0, items: [] });
      }
    }
    if (broken !== undefined && at === 0) refuse(broken, where);
    return { title: typeof info === "string" ? info.replace(unknown, "").trim().slice(0, 500) : undefined, pages };
  } catch (cause) {
    return refuse(cause, where);
  } finally {
    await task.destroy().catch(() => {});
  }
}
