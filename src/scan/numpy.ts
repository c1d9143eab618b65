/** The header of an .npy file: a dictionary of Python's in a fixed order. */

const header =
  /^\{'descr': '[<>|=]?[biufc](\d{1,2})', 'fortran_order': (?:True|False), 'shape': \(((?:\d{1,15}, ?)*(?:\d{1,15})?)\), ?\} *\n?$/;

/** Bytes of the numbers that a header announces; undefined for a header that is not of that form, or no number. */
export function parseDtype(text: string): number | undefined {
  const match = header.exec(text);
  if (!match) return undefined;
  const dims = match[2]!.split(",").flatMap((dim) => (dim.trim() === "" ? [] : [Number(dim)]));
  const bytes = dims.reduce((a, b) => a * b, Number(match[1]));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
