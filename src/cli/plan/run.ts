/** How `zeroth plan` works: how big a model is, whether it fits, how fast it could be, and what it stands beside. */

import { availableParallelism, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { constrainedMemory } from "node:process";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { shippedModels } from "../../hub/find-node.ts";
import { parseMachine } from "../../plan/machine.ts";
import type { Tuning } from "../../plan/memory.ts";
import { openSubject } from "../../plan/open-node.ts";
import { landmarks, type Plan, planModel, type Subject } from "../../plan/plan.ts";
import { svg } from "../../plan/plot.ts";
import type { Machine } from "../../plan/roofline.ts";
import { planRow } from "../../plan/row.ts";
import { type Sizes, shapeOfSizes } from "../../plan/sizes.ts";
import { measureDisk, measureLimits } from "../../runtime/limits-node.ts";
import { pullEvents } from "../downloads.ts";
import type { Output } from "../output.ts";
import { needFreeFile } from "../targets.ts";
import { threadsFor } from "../threads.ts";
import type { PlanFlags } from "./options.ts";
import { planPage } from "./page.ts";
import { describeMachine, duration } from "./words.ts";

/** The sizes among the flags, and whether there are any. */
function sizesOf(flags: PlanFlags): { sizes: Sizes; any: boolean } {
  const { width, feedForward, layers, decoderLayers, heads, headSize, keyHeads, vocabulary, positions } = flags;
  const { experts, sparseLayers, image, patch, classes, gated, tied, untied } = flags;
  const sizes = { width, feedForward, layers, decoderLayers, heads, headSize, keyHeads, vocabulary, positions };
  const all = { ...sizes, experts, sparseLayers, image, patch, classes, gated, tied, untied };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { sizes: given, any: Object.keys(given).length > 0 || flags.architecture !== undefined };
}

async function subjectOf(
  name: string | undefined,
  flags: PlanFlags,
  output: Output,
  signal: AbortSignal,
): Promise<Subject> {
  const { sizes, any } = sizesOf(flags);
  if (any && name !== undefined) fail("wrong_use", `${name} and sizes: give a model or its sizes, not both`);
  if (any) {
    const shape = shapeOfSizes(flags.architecture, sizes);
    return { name: "your sizes", architecture: flags.architecture!, shape };
  }
  return openSubject(name ?? "zeroth-nano", {
    signal,
    events: pullEvents(output),
    onFetch: (fetched) => output.say(`${fetched} is not on this machine; fetching its config.json alone`),
  });
}

/** What the machine is, and how that is known. */
async function machineOf(
  flags: PlanFlags,
  weightFile: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<{ machine: Machine; words: string; measured: boolean }> {
  const typed = flags.machine ?? "this";
  if (typed !== "this") {
    if (flags.threads !== undefined) fail("wrong_use", "--threads belongs to a measurement of this machine");
    const machine = parseMachine(typed);
    return { machine, words: describeMachine(machine), measured: false };
  }
  const threads = flags.threads === undefined ? undefined : threadsFor(flags.threads, output);
  const started = performance.now();
  output.progress("measuring memory and arithmetic of this machine …");
  const limits = await measureLimits({ signal, ...(threads && { threads }) });
  const shipped = join(shippedModels, "zeroth-nano/model.safetensors");
  const disk = (weightFile === undefined ? undefined : measureDisk(weightFile)) ?? measureDisk(shipped);
  output.progress("");
  const limit = constrainedMemory();
  const memory = limit > 0 ? Math.min(totalmem(), limit) : totalmem();
  const machine = { memory, ...limits, ...(disk !== undefined && { disk }) };
  const took = duration((performance.now() - started) / 1000);
  // Twice as many runnable threads as cores: what is measured is what others leave. (No load is told on Windows.)
  const busy = (loadavg()[0] ?? 0) > 2 * availableParallelism() ? "; other programs are busy" : "";
  return { machine, words: `this machine: ${describeMachine(machine)} (measured in ${took}${busy})`, measured: true };
}

export async function plan(
  name: string | undefined,
  flags: PlanFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const { dtype, train, tune: method } = flags;
  if (flags.rank !== undefined && method !== undefined && method !== "lora") {
    fail("wrong_use", `--rank belongs to --tune lora, not to ${method}`);
  }
  if (flags.virtualTokens !== undefined && (method === undefined || method === "lora")) {
    fail("wrong_use", "--virtual-tokens belongs to --tune prefix or prompt");
  }
  const tuning: Partial<Tuning> = {
    ...(method && { method }),
    ...(flags.rank !== undefined && { rank: flags.rank }),
    ...(flags.virtualTokens !== undefined && { virtualTokens: flags.virtualTokens }),
  };
  const options = {
    ...(dtype && { dtype }),
    ...(flags.context !== undefined && { input: flags.context }),
    ...(flags.maxNewTokens !== undefined && { output: flags.maxNewTokens }),
    ...(flags.batch !== undefined && { batch: flags.batch }),
    ...(train && { optimizer: train }),
    ...(Object.keys(tuning).length > 0 && { tuning }),
    ...(flags.tokens !== undefined && { tokens: flags.tokens }),
  };
  if (flags.plot !== undefined) needFreeFile(flags.plot, flags.overwrite);
  const subject = await subjectOf(name, flags, output, signal);
  // What cannot be planned is said before anything is measured.
  planModel(subject, options);
  const { machine, words, measured } = await machineOf(flags, subject.weightFile, output, signal);
  const planned: Plan = planModel(subject, { ...options, machine });
  if (subject.files && !subject.files.equal) {
    output.say(`warning: ${subject.name}: the weight files do not hold what config.json describes`);
  }
  const known = landmarks(subject.known?.claimed === undefined ? subject : undefined);
  output.row(planRow(planned, known, measured));
  output.text(planPage(planned, known, { width: process.stdout.columns || 80, machine: words, style: output }));
  if (flags.plot !== undefined) {
    await writeFileSafely(flags.plot, svg(planned, known));
    output.say(`${flags.plot} is written`);
  }
  return 0;
}
