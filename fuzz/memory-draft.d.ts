import type { Draft } from "../src/hub/download/transfer.ts";

export function memoryDraft(start: Uint8Array): Draft & { bytes(): Uint8Array };
