/** JSON that is passed through as it was written: no number of this language has the digits of every other. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A result row as a line of JSON. */
export function rowText(row: object): string {
  const members = Object.entries(row).flatMap(([key, value]) => {
    const text = value instanceof RawJson ? value.text : JSON.stringify(value);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(",")}}`;
}
