/** Documents of an index are called by the file they stand in: `file`, or `file#row`. */
export const fileOf = (document: string): string => document.replace(/#.*$/s, "");
