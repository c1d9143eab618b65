/** `zeroth doctor`: what this machine offers, and whether what is needed is there. */
import { existsSync, readFileSync } from "node:fs";
import { defineCommand } from "../define.ts";
import { bytes } from "../output.ts";

interface Finding {
  readonly what: string;
  readonly value: string;
  readonly ok: boolean;
  readonly hint?: string;
}

/** Instruction sets that decide how fast products are; Linux tells them, other systems may not. */
function features(): string {
  try {
    const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
    return (
      ["avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile"].filter((flag) => flags.has(flag)).join(" ") ||
      "none known"
    );
  } catch {
    return "not told by this system";
  }
}

async function engineWorks(): Promise<Finding> {
  try {
    const { float32 } = await import("../../graph/array.ts");
    const { graph } = await import("../../graph/graph.ts");
    const { add } = await import("../../graph/operators.ts");
    const { input } = await import("../../graph/tensor.ts");
    const { compile } = await import("../../runtime/compile-node.ts");
    const x = input("x", "float32", [1]);
    await using program = await compile(graph({ y: add(x, 1) }), { threads: 1 });
    const { y } = await program.run({ x: float32([1], [1]) });
    return { what: "engine", value: `onnxruntime on cpu, 1 + 1 = ${y.data[0]}`, ok: y.data[0] === 2 };
  } catch (error) {
    return { what: "engine", value: String(error), ok: false, hint: "run npm ci again" };
  }
}

export default defineCommand({
  group: "program",
  summary: "What this machine offers and whether all is well",
  arguments: "",
  options: [],
  rows: 'one `{"check","ok","value","hint"?}` a finding',
  example: "zeroth doctor",
  async run({ output }) {
    const { cpus, freemem, totalmem } = await import("node:os");
    const { listModels, shippedModels } = await import("../../hub/find-node.ts");
    const { cacheFolder } = await import("../../hub/names.ts");
    const { cgroupCpus, defaultThreads } = await import("../../runtime/threads-node.ts");
    const major = Number(process.versions.node.split(".")[0]);
    const quota = cgroupCpus();
    const cache = cacheFolder(process.env);
    const nano = existsSync(`${shippedModels}/zeroth-nano/config.json`);
    const found: Finding[] = [
      { what: "node", value: process.versions.node, ok: major >= 20, hint: "Node 20 or newer is needed" },
      { what: "processor", value: `${cpus()[0]?.model.trim() ?? "unknown"} (${features()})`, ok: true },
      {
        what: "threads",
        value: `${defaultThreads()} (${cpus().length} cores${Number.isFinite(quota) ? `, quota ${quota}` : ""})`,
        ok: true,
      },
      {
        what: "memory",
        value: `${bytes(freemem())} free of ${bytes(totalmem())}`,
        ok: freemem() > 500e6,
        hint: "less than 500 MB is free",
      },
      await engineWorks(),
      {
        what: "cache",
        value: cache ? `${cache}${existsSync(cache) ? "" : " (not there yet)"}` : "no home folder",
        ok: true,
      },
      { what: "models", value: listModels().join(", ") || "none", ok: true },
      {
        what: "embedded",
        value: nano ? "zeroth-nano" : "missing",
        ok: nano,
        hint: "models/zeroth-nano belongs to the package",
      },
    ];
    for (const { what, value, ok, hint } of found) {
      output.row({ check: what, ok, value, ...(ok || !hint ? {} : { hint }) });
      output.text(`${ok ? "✓" : "✗"} ${what.padEnd(10)} ${value}${ok || !hint ? "" : `\n  → ${hint}`}\n`);
    }
    return found.every(({ ok }) => ok) ? 0 : 4;
  },
});
