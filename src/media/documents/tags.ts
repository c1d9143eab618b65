/** Tags of a page or of an XML file one after another, with their places; no tree is made, so that work is in proportion. */
import { Tokenizer } from "htmlparser2";

export interface TagHandler {
  /** `empty` where it ends with `/>` and that counts. Names are without a namespace's prefix, in small letters. */
  open?(name: string, attributes: ReadonlyMap<string, string>, empty: boolean, start: number): void;
  /** `start` is that of the tag, as above. */
  close?(name: string, start: number): void;
  /** The source from `start` to `end` as it stands. */
  text?(start: number, end: number): void;
  /** A character that the source from `start` to `end` writes in another way (`&amp;`). */
  character?(text: string, start: number, end: number): void;
}

export interface TagOptions {
  /** XML has five names of characters alone, and no elements whose content is raw text. */
  readonly xml?: boolean;
  /** XHTML: `<script/>` has no content. */
  readonly selfClosing?: boolean;
}

/** Characters of an attribute's value that are kept. */
const longestValue = 4000;

/** Declarations, instructions and comments are left out: entities that a document declares itself are none. */
export function readTags(source: string, handler: TagHandler, { xml = false, selfClosing = xml }: TagOptions): void {
  const nameOf = (start: number, end: number) =>
    source
      .slice(start, Math.min(end, start + 100))
      .toLowerCase()
      .replace(/^[\w.-]+:/, "");
  let name = "";
  let begin = 0;
  let attribute = "";
  let value = "";
  let attributes = new Map<string, string>();
  const opened = (empty: boolean) => {
    handler.open?.(name, attributes, empty, begin);
    attributes = new Map();
  };
  const tokenizer = new Tokenizer(
    { xmlMode: xml, decodeEntities: true, recognizeSelfClosing: selfClosing },
    {
      onopentagname(start, end) {
        name = nameOf(start, end);
        begin = start - 1;
      },
      onattribname(start, end) {
        attribute = source.slice(start, Math.min(end, start + 100)).toLowerCase();
        value = "";
      },
      onattribdata(start, end) {
        if (value.length < longestValue) value += source.slice(start, Math.min(end, start + longestValue));
      },
      onattribentity(code) {
        if (value.length < longestValue) value += String.fromCodePoint(code);
      },
      onattribend() {
        if (!attributes.has(attribute)) attributes.set(attribute, value);
      },
      onopentagend: () => opened(false),
      onselfclosingtag: () => opened(selfClosing),
      onclosetag: (start, end) => handler.close?.(nameOf(start, end), start - 2),
      ontext: (start, end) => handler.text?.(start, end),
      // A written character begins at the last & before its end.
      ontextentity: (code, end) =>
        handler.character?.(String.fromCodePoint(code), source.lastIndexOf("&", end - 1), end),
      oncdata(start, end, behind) {
        if (xml) handler.text?.(start, end - behind);
      },
      oncomment() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      onend() {},
    },
  );
  tokenizer.write(source);
  tokenizer.end();
}
