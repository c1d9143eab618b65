/** Teaching as the page asks for it, wherever it runs: rows in, what happens on the way, and a model by a new name. */

export interface LessonRow {
  readonly text: string;
  /** A class, or the text that is to be written. */
  readonly label: string;
}

export type Method = "p-tuning-v2" | "lora" | "prompt";

export interface Lesson {
  readonly model: string;
  /** Of the result, behind the model's name and a colon: letters, digits, points, dashes. */
  readonly name: string;
  readonly rows: readonly LessonRow[];
  /** Whether labels are few and come again: the likeliest of them is then the answer. */
  readonly classes: boolean;
  readonly method: Method;
  /** Rounds through the rows. */
  readonly epochs: number;
  /** Share of the rows that is not learnt from, to judge by. */
  readonly held: number;
  readonly seed: number;
  /** What stands here is not chosen by the model's size. */
  readonly rate?: number;
  readonly length?: number;
}

/** A row that is not learnt from, and what the model says to it. */
export interface Shown {
  readonly text: string;
  readonly wanted: string;
  readonly said: string;
}

export interface Judged {
  readonly step: number;
  /** accuracy, or log_likelihood of texts. */
  readonly metric: string;
  readonly value: number;
}

export type LessonTold =
  | { readonly kind: "started"; readonly steps: number; readonly rows?: number; readonly held?: number }
  | { readonly kind: "counted"; readonly trained: number; readonly parameters: number }
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly loss: number }
  | ({ readonly kind: "judged"; readonly best: boolean } & Judged)
  | { readonly kind: "shown"; readonly step: number; readonly samples: readonly Shown[] }
  | { readonly kind: "warned"; readonly text: string }
  /** `model` answers by this name from now on. */
  | { readonly kind: "taught"; readonly model: string };

export interface Course {
  /** Ends when it has ended; a failure is thrown here. */
  readonly told: AsyncIterable<LessonTold>;
  /** After the running step. */
  pause(): void;
  goOn(): void;
  /** After the running step; what has been learnt is kept. */
  finish(): void;
  /** After the running step; nothing is kept. */
  drop(): void;
}

/** A file of an adapter's folder. */
export interface AdapterFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What was taught, as it is kept. */
export interface Taught {
  /** The name it answers by. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly changed: number;
  readonly base: string;
  /** Its classes; none where it writes. */
  readonly labels: readonly string[];
  readonly best?: Judged;
  /** Right where always the most frequent class is said. */
  readonly majority?: number;
}

export interface Kept extends Taught {
  readonly files: readonly AdapterFile[];
}

/** Where a browser keeps what was taught in it. */
export interface Shelf {
  all(): Promise<readonly Kept[]>;
  keep(one: Kept): Promise<void>;
  forget(id: string): Promise<void>;
}

export interface Teacher {
  /** Fails with a problem that says why, where this place cannot teach. */
  able(signal?: AbortSignal): Promise<void>;
  teach(lesson: Lesson): Course;
  /** What was taught here, the newest first. */
  taught(): Promise<readonly Taught[]>;
  /** Notes what is known of a result once it is there. */
  note(taught: Taught): Promise<void>;
  /** Files of a result, where this place hands them out. */
  files?(id: string): Promise<readonly AdapterFile[]>;
  forget?(id: string): Promise<void>;
}
