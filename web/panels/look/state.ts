/** What the panel holds: the model that was given, the picture, and what the model made of it. */
import { signal } from "@preact/signals";
import type { Problem } from "../../client/client.ts";
import { browserLooker } from "../../client/looker.ts";
import type { Looked, OpenedLooker } from "../../engine/look/messages.ts";
import { trying } from "../../parts/trying.ts";

export const trouble = signal<Problem | undefined>(undefined);
export const model = signal<(OpenedLooker & { readonly name: string }) | undefined>(undefined);
export const busy = signal<"opening" | "looking" | undefined>(undefined);

export interface Shown {
  readonly name: string;
  /** Address of the picture in this page. */
  readonly address: string;
  readonly looked: Looked;
  readonly seconds: number;
}

export const shown = signal<Shown | undefined>(undefined);
export const overlaid = signal(true);

const looker = browserLooker();

async function doing(what: "opening" | "looking", work: () => Promise<void>): Promise<void> {
  if (busy.value) return;
  busy.value = what;
  await trying(trouble, work);
  busy.value = undefined;
}

function forgetPicture(): void {
  if (shown.value) URL.revokeObjectURL(shown.value.address);
  shown.value = undefined;
}

export const giveModel = (files: readonly File[]): Promise<void> =>
  doing("opening", async () => {
    if (files.length === 0) return;
    model.value = undefined;
    forgetPicture();
    model.value = await looker.open(files);
  });

export const givePicture = (file: File | undefined): Promise<void> =>
  doing("looking", async () => {
    if (!file) return;
    const begun = performance.now();
    const looked = await looker.look(file);
    forgetPicture();
    shown.value = {
      ...{ name: file.name, looked, address: URL.createObjectURL(file) },
      seconds: (performance.now() - begun) / 1000,
    };
  });

export function forget(): void {
  forgetPicture();
  model.value = undefined;
  trouble.value = undefined;
  looker.close();
}
