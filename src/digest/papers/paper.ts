/** A paper's metadata, whatever source it came from. */

export interface Author {
  readonly name: string;
  readonly orcid?: string;
}

export interface Venue {
  readonly name: string;
  /** What the authors say of it; a paper that is only submitted counts for nothing. */
  readonly state: "accepted" | "oral" | "submitted";
}

export interface Citations {
  readonly count: number;
  readonly influential?: number;
  readonly source: "s2" | "openalex" | "file";
  /** When they were counted, ISO. */
  readonly at: string;
}

/** Where fields came from. */
export interface Origin {
  readonly source: SourceName;
  /** When the source says that its record was changed, as `2018-10-31`. */
  readonly at: string;
  /** The fields that this record gave. */
  readonly fields: readonly FieldName[];
}

/** In the order in which they are believed where records are of the same day. */
export const sourceNames = ["jsonl", "atom", "oai-dc", "oai", "kaggle", "oai-raw"] as const;
export type SourceName = (typeof sourceNames)[number];

/** What a source may tell of a paper. */
export interface Fields {
  readonly version: number;
  /** White space collapsed, LaTeX kept. */
  readonly title: string;
  readonly abstract: string;
  readonly authors: readonly Author[];
  /** The first is the primary one. */
  readonly categories: readonly string[];
  /** Of the first version, ISO in UTC; midnight where a source knows the day alone. */
  readonly submitted: string;
  /** Of the last version. */
  readonly updated: string;
  readonly comments: string;
  readonly journalRef: string;
  readonly doi: string;
  readonly license: string;
}
export type FieldName = keyof Fields;

type Needed = "title" | "abstract" | "authors" | "categories" | "submitted" | "updated";

/** What one record of a source tells. */
export interface SourceRecord extends Pick<Fields, Needed>, Partial<Omit<Fields, Needed>> {
  readonly id: string;
  readonly source: SourceName;
  readonly at: string;
}

export interface Paper extends Pick<Fields, Needed | "version">, Partial<Omit<Fields, Needed | "version">> {
  readonly id: string;
  readonly primary: string;
  readonly venue?: Venue;
  readonly pages?: number;
  /** Addresses of code that the authors name. */
  readonly code?: readonly string[];
  readonly withdrawn?: true;
  readonly citations?: readonly Citations[];
  readonly origin: readonly Origin[];
}

/** The UTC month of the first version, as `2018-10`. */
export const monthOf = (paper: Pick<Paper, "submitted">): string => paper.submitted.slice(0, 7);
export const dayOf = (paper: Pick<Paper, "submitted">): string => paper.submitted.slice(0, 10);
