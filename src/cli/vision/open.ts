/** A model of images for a command: fetched where need be, what a person should know told. */
import { openVisionModel, type VisionModel } from "../../images/open-node.ts";
import { modelFor } from "../downloads.ts";
import { type EngineFlags, engineOptions } from "../engine.ts";
import type { Output } from "../output.ts";

export interface VisionFlags extends EngineFlags {
  readonly model: string;
  readonly size?: number | undefined;
  readonly repeatLast?: boolean | undefined;
}

export async function openVisionForCommand(
  flags: VisionFlags,
  output: Output,
  signal: AbortSignal,
): Promise<VisionModel> {
  const options = await engineOptions(flags, output, signal);
  const { path } = await modelFor(flags.model, output, signal);
  const sides = flags.size === undefined ? undefined : { height: flags.size, width: flags.size };
  const opened = await openVisionModel(path, { ...options, sides, repeatLast: flags.repeatLast });
  for (const warning of [...(opened.architecture.warnings ?? []), ...opened.warnings]) {
    output.say(`warning: ${flags.model}: ${warning}`);
  }
  return opened;
}
