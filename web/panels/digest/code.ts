/** A digest as code that makes it again. */
import { type CodeForm, shellWord } from "../../parts/code.ts";

export interface DigestCode {
  readonly group: string;
  readonly month: string;
  readonly top: number;
  readonly delay: number;
  /** The store's name; of a file that was dropped its own. */
  readonly papers: string;
  readonly dropped: boolean;
  readonly model: string;
  /** Of the server, with a slash at its end. */
  readonly address: string;
}

const bodyOf = ({ group, month, top, delay, papers, dropped, model }: DigestCode) => ({
  ...(dropped ? { file_id: "FILE_ID" } : { store: papers }),
  ...{ group, month, top },
  ...(delay > 0 && { delay }),
  ...(model !== "" && { model }),
});

const forms: { readonly [K in CodeForm]: (code: DigestCode) => string } = {
  curl: (code) =>
    `curl ${code.address}v1/digests \\\n  -H 'content-type: application/json' \\\n  -d ${shellWord(JSON.stringify(bodyOf(code), undefined, 2))}\n`,
  typescript: (code) =>
    [
      `const made = await fetch(${JSON.stringify(`${code.address}v1/digests`)}, {`,
      '  method: "POST",',
      '  headers: { "content-type": "application/json" },',
      `  body: JSON.stringify(${JSON.stringify(bodyOf(code))}),`,
      "});",
      "console.log(await made.json());",
      "",
    ].join("\n"),
  python: (code) =>
    [
      "import json, urllib.request",
      "",
      "request = urllib.request.Request(",
      `    ${JSON.stringify(`${code.address}v1/digests`)},`,
      `    json.dumps(${JSON.stringify(bodyOf(code))}).encode(),`,
      '    {"content-type": "application/json"},',
      ")",
      "print(json.load(urllib.request.urlopen(request)))",
      "",
    ].join("\n"),
  zeroth: ({ group, month, top, delay, papers, dropped, model }) => {
    const store = shellWord(`${papers.replace(/\.[a-z]+$/, "")}.db`);
    const which = `--store ${store} --group ${shellWord(group)} --month ${month}`;
    const how = `--top ${top}${delay > 0 ? ` --delay ${delay}` : ""} ${model === "" ? "--extract" : `--model ${shellWord(model)}`}`;
    return [
      ...(dropped ? [`zeroth digest ingest --source jsonl ${shellWord(papers)} --store ${store}`] : []),
      `zeroth digest make ${which} ${how}`,
      `zeroth digest render ${which} --format md,html,eml,rss --out site`,
      "",
    ].join("\n");
  },
};

export const digestCode = (form: CodeForm, code: DigestCode): string => forms[form](code);
