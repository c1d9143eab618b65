/** What the panel holds: the model that was given, the picture, and what the model made of it. */
import { computed, signal } from "@preact/signals";
import type { Problem } from "../../client/client.ts";
import { browserLooker } from "../../client/looker.ts";
import { caller } from "../../client/request.ts";
import { lookOnServer } from "../../client/server-looker.ts";
import type { Looked, OpenedLooker } from "../../engine/look/messages.ts";
import { trying } from "../../parts/trying.ts";
import { models, root } from "../../state/session.ts";
import { serverKey } from "../../state/settings.ts";

export const trouble = signal<Problem | undefined>(undefined);
export type Given = { readonly name: string } & (OpenedLooker | { readonly onServer: true });
export const model = signal<Given | undefined>(undefined);
/** Models of this page's server that tell what is in pictures. */
export const onServer = computed(() =>
  models.value.filter(({ kind, can }) => kind === "image-encoder" && can.includes("classify")).map(({ id }) => id),
);
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
const server = caller(root, serverKey.read);

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

export const chooseModel = (name: string): void => {
  forgetPicture();
  trouble.value = undefined;
  model.value = { name, onServer: true };
};

export const givePicture = (file: File | undefined): Promise<void> =>
  doing("looking", async () => {
    if (!file) return;
    const begun = performance.now();
    const now = model.value;
    const looked =
      now && "onServer" in now
        ? await looker.lay(file, await lookOnServer(server, now.name, file))
        : await looker.look(file);
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
