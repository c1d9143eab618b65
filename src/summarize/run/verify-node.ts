/** A run's folder checked: the tree, the journal, the objects, and that every sentence has a link or is marked. */

import { join, relative, sep } from "node:path";
import { filesBelow } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { faultsOfTree } from "../book/tree.ts";
import { unsealed } from "./record.ts";
import { viewOf } from "./state.ts";
import { readState } from "./state-node.ts";

export interface Verified {
  readonly nodes: number;
  readonly objects: number;
  readonly problems: readonly string[];
}

/** @throws not_found, corrupt_file for a folder that is no run */
export function verifyRun(folder: string): Verified {
  const state = readState(folder);
  const { run, book, tree } = state;
  const problems = [...state.warnings, ...faultsOfTree(tree, run.body)];
  if (run.body.end > book.text.length) problems.push("the text is shorter than the tree's");
  const objects = filesBelow(join(folder, "objects")).filter((path) => path.endsWith(".json"));
  for (const path of objects) {
    const name = relative(join(folder, "objects"), path)
      .split(sep)
      .join("")
      .replace(/\.json$/, "");
    try {
      if (!unsealed(readJsonFile(path))) problems.push(`object ${name} is not what its hash says`);
    } catch {
      problems.push(`object ${name} cannot be read`);
    }
  }
  const { nodes, missing, provenance } = viewOf(state);
  for (const id of missing) problems.push(`${id} has no summary of its text as it is now`);
  for (const { node, text } of nodes) {
    if (text === undefined) continue;
    for (const [i, { span, links, supported }] of provenance.sentences(node.id).entries()) {
      if (span.end > text.length) problems.push(`sentence ${i + 1} of ${node.id} ends outside of its summary`);
      if (supported && links.length === 0) problems.push(`sentence ${i + 1} of ${node.id} has no link and no mark`);
    }
  }
  return { nodes: tree.nodes.length, objects: objects.length, problems: [...new Set(problems)] };
}
