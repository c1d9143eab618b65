/** `zeroth index verify`, `compact`, `export`, `import`, `push` and `text`. */

import { writeFileSafely } from "../../base/files-node.ts";
import { rowText } from "../../data/raw-json.ts";
import { fail } from "../../errors.ts";
import { compactIndex, verifyIndex } from "../../retrieve/keep-node.ts";
import { storedText } from "../../retrieve/search-node.ts";
import { exportIndex } from "../../retrieve/transfer/export-node.ts";
import { bytes } from "../output.ts";
import type { Call } from "./build.ts";

const encoder = new TextEncoder();

export async function keep(
  todo: "verify" | "compact" | "export" | "import" | "push" | "text",
  { paths, store, flags, output, signal }: Call,
): Promise<number> {
  if (!["text", "import", "push"].includes(todo) && paths.length > 0) fail("wrong_use", `${todo} takes no paths`);
  switch (todo) {
    case "verify": {
      const { problems, settings, ...counts } = verifyIndex(store);
      for (const problem of problems) {
        output.row({ problem });
        output.text(`${problem}\n`);
      }
      output.row({ done: true, ...counts, problems: problems.length });
      const model = settings.model ? `vectors of ${settings.model.name}` : "words alone";
      if (problems.length === 0) {
        output.text(
          `${output.bold(store)} is whole: ${counts.documents} documents, ${counts.chunks} chunks of ${settings.chunk} tokens at most, ${model}\n`,
        );
      }
      return problems.length > 0 ? 4 : 0;
    }
    case "compact": {
      const sizes = await compactIndex(store, signal, {
        progress: (done, total) =>
          output.progress(`${done.toLocaleString("en")} of ${total.toLocaleString("en")} vectors are in the graph`),
      });
      output.row({ done: true, ...sizes });
      output.text(`${output.bold(store)}: ${bytes(sizes.before)} before, ${bytes(sizes.after)} now\n`);
      return 0;
    }
    case "export": {
      const file = flags.output;
      if (file === undefined) {
        for (const row of exportIndex(store)) {
          if (output.json) output.row(row);
          else output.text(`${rowText(row)}\n`);
        }
        return 0;
      }
      let rows = 0;
      if (/\.parquet$/i.test(file)) {
        const { writeParquet } = await import("../../retrieve/transfer/parquet-node.ts");
        rows = await writeParquet(file, exportIndex(store));
      } else {
        await writeFileSafely(file, function* () {
          for (const row of exportIndex(store)) {
            rows++;
            yield encoder.encode(`${rowText(row)}\n`);
          }
        });
      }
      output.row({ done: true, output: file, rows });
      output.text(`${rows.toLocaleString("en")} chunks in ${output.bold(file)}\n`);
      return 0;
    }
    case "import": {
      const [file, more] = paths;
      if (file === undefined || more !== undefined)
        fail("wrong_use", "name one file", { hint: "of zeroth index export: .jsonl or .parquet" });
      const { importIndex } = await import("../../retrieve/transfer/import-node.ts");
      const made = await importIndex(store, file, {
        signal,
        progress: (documents) => output.progress(`${documents.toLocaleString("en")} documents`),
      });
      output.row({ done: true, ...made });
      output.text(
        `${output.bold(store)}: ${made.documents.toLocaleString("en")} documents, ${made.chunks.toLocaleString("en")} chunks\n`,
      );
      return 0;
    }
    case "push": {
      const [url, more] = paths;
      if (url === undefined || more !== undefined)
        fail("wrong_use", "name one server", {
          hint: "http://localhost:6333 of Qdrant, or postgres://user@host/database",
        });
      const { openBackend, usualTable } = await import("./backend.ts");
      const table = flags.table ?? usualTable;
      await using backend = await openBackend(url, table);
      const sent = await backend.upsert(exportIndex(store), signal);
      const { chunks } = await backend.stats();
      output.row({ done: true, sent, chunks });
      output.text(
        `${sent.toLocaleString("en")} chunks sent, ${chunks.toLocaleString("en")} are in ${output.bold(table)}\n`,
      );
      return 0;
    }
    case "text": {
      const [name, more] = paths;
      if (name === undefined || more !== undefined)
        fail("wrong_use", "name one document", { hint: "as zeroth search names it" });
      const text = storedText(store, name);
      output.row({ text });
      output.text(text.endsWith("\n") ? text : `${text}\n`);
      return 0;
    }
  }
}
