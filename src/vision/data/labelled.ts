/** Examples with classes, wherever they come from: pictures, or clips of them. */
import type { Picture } from "../../media/images/image.ts";

/** How many frames of an example are read; one where nothing is said. */
export interface FramesWanted {
  readonly frames?: number | undefined;
  /** A clip with fewer shows its last frame again. */
  readonly repeatLast?: boolean | undefined;
}

export interface LabelledPictures {
  /** Names of the classes, by their numbers. */
  readonly classes: readonly string[];
  readonly labels: readonly number[];
  /** What decides the examples: their files with sizes, or the bytes. */
  readonly digest: string;
  /** The frames of example i: of a picture one. */
  read(i: number, wanted?: FramesWanted): Promise<readonly Picture[]>;
}

/** By code units, on every machine alike. */
export const plainly = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Examples of some places, in their order. */
export function subset(data: LabelledPictures, places: readonly number[]): LabelledPictures {
  return {
    ...data,
    labels: places.map((i) => data.labels[i]!),
    read: (i, wanted) => data.read(places[i]!, wanted),
  };
}
