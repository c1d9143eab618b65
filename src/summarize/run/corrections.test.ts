import { afterAll, describe, expect, it } from "vitest";
import { calledWriter, shelf } from "../../../test/support/summaries.ts";
import { editNode, redoNode, resumeRun, revertNode } from "./run-node.ts";
import { viewOf } from "./state.ts";
import { readState } from "./state-node.ts";

const { at, showOf, start, textsOf, close } = shelf();
afterAll(close);

describe("a person's corrections", () => {
  it("of a leaf cost as many calls as the tree is high", async () => {
    for (const context of ["sequential", "subtree", "none"] as const) {
      const name = `edit-${context}`;
      await start(name, calledWriter(), { context });
      const { root } = readState(at(name)).tree;
      const before = textsOf(name);
      const model = calledWriter();
      const result = await editNode(at(name), "h0.0", "Nobody found the first lamp.", { writer: model });
      expect(result.calls).toBe(root.height);
      expect(model.asked).toHaveLength(root.height);
      const after = textsOf(name);
      const changed = [...after].filter(([id, text]) => before.get(id) !== text).map(([id]) => id);
      expect(changed).toEqual(["h0.0", "h1.0", root.id].slice(0, root.height + 1));
      const states = viewOf(readState(at(name))).nodes;
      expect(states.find(({ node }) => node.id === "h0.0")).toMatchObject({ state: "edited" });
      expect(states.some(({ flags }) => flags.includes("context-stale"))).toBe(context !== "none");
      // What is stale by its context alone stays until it is asked for.
      expect((await resumeRun(at(name), { writer: calledWriter() })).calls).toBe(0);
      const strict = await resumeRun(at(name), { writer: calledWriter(), strict: true });
      expect(strict.calls > 0).toBe(context !== "none");
      expect(viewOf(readState(at(name))).nodes.some(({ flags }) => flags.includes("context-stale"))).toBe(false);
      expect(textsOf(name).get("h0.0")).toBe("Nobody found the first lamp.");
    }
  });

  it("wait where asked to, and are given up again", async () => {
    await start("later", calledWriter());
    const before = showOf("later");
    expect((await editNode(at("later"), "h0.2", "Short.", { later: true })).calls).toBe(0);
    expect(viewOf(readState(at("later"))).nodes.find(({ node }) => node.id === "h1.0")!.flags).toContain("input-stale");
    const { height } = readState(at("later")).tree.root;
    expect((await resumeRun(at("later"), { writer: calledWriter() })).calls).toBe(height);
    // The old answers are there: nothing is asked.
    expect((await revertNode(at("later"), "h0.2", { writer: calledWriter() })).calls).toBe(0);
    expect(showOf("later")).toEqual(before);
    await expect(revertNode(at("later"), "h0.2", { writer: calledWriter() })).rejects.toThrow(/model's/);
    await expect(editNode(at("later"), "h7.7", "x", { later: true })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("are the only thing that a node is asked for anew over", async () => {
    await start("redo", calledWriter());
    const { height } = readState(at("redo")).tree.root;
    await editNode(at("redo"), "h0.1", "By hand.", { writer: calledWriter() });
    const model = calledWriter();
    const { calls } = await redoNode(at("redo"), "h0.1", { writer: model });
    expect(calls).toBe(1);
    expect(model.asked[0]!.composed).toBe(false);
    expect(textsOf("redo").get("h0.1")).toMatch(/^The keeper|^The|^CHAPTER/);
    expect(height).toBe(2);
  });
});
