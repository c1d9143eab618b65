/** A machine written down: "24GB,46GB/s,480GFLOP/s,2GB/s". */
import { fail } from "../errors.ts";
import type { Machine } from "./roofline.ts";

/** Bytes, bytes/s and operations/s in the units that people write. Binary prefixes are 1024s. */
const quantity = /^([0-9]+(?:\.[0-9]+)?)\s*([KMGTP])(i?)(B|B\/s|FLOPS?|FLOPS?\/s)$/i;

interface Read {
  readonly value: number;
  readonly kind: "memory" | "rate" | "flops";
}

function readQuantity(text: string): Read | undefined {
  const [, digits = "", prefix = "", binary, unit = ""] = quantity.exec(text.trim()) ?? [];
  const power = "KMGTP".indexOf(prefix.toUpperCase()) + 1;
  const value = Number(digits) * (binary ? 1024 : 1000) ** power;
  if (!(value > 0)) return undefined;
  const kind = /^FLOP/i.test(unit) ? "flops" : unit.includes("/") ? "rate" : "memory";
  return { value, kind };
}

/**
 * Read a machine: its memory and the rate at which that is read, in this order or not; then, if known, its arithmetic
 * and the rate of its disk, which is the second rate.
 * @throws wrong_use
 */
export function parseMachine(text: string): Machine {
  const refuse = (why: string): never =>
    fail("wrong_use", `--machine ${text}: ${why}`, { hint: "this, or 24GB,46GB/s or 24GB,46GB/s,480GFLOP/s,2GB/s" });
  const found: { memory?: number; bandwidth?: number; flops?: number; disk?: number } = {};
  for (const part of text.split(",")) {
    const read = readQuantity(part);
    if (!read) return refuse(`"${part.trim()}" is not memory (24GB), a rate (46GB/s) or arithmetic (480GFLOP/s)`);
    const { kind, value } = read;
    const key = kind === "rate" ? (found.bandwidth === undefined ? "bandwidth" : "disk") : kind;
    if (found[key] !== undefined) return refuse(`"${part.trim()}" is one too many`);
    found[key] = value;
  }
  const { memory, bandwidth, ...rest } = found;
  if (memory === undefined || bandwidth === undefined) {
    return refuse(memory === undefined ? "the memory is missing" : "the rate of the memory is missing");
  }
  return { memory, bandwidth, ...rest };
}
