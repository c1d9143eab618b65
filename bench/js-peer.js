/** What measuring transformers.js takes, whichever kind of model it opens. */
import { Tensor } from "@huggingface/transformers";

/** Options of `from_pretrained`: this machine's files, on the CPU, with so many threads. */
export const here = (dtype, threads) => ({
  local_files_only: true,
  dtype,
  device: "cpu",
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
});

export const matrix = (rows) =>
  new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);

/** The likeliest word of the last position of each row. */
export function argmax({ data, dims }) {
  const [rows, length, words] = dims;
  return Array.from({ length: rows }, (_, row) => {
    const from = (row * length + length - 1) * words;
    let best = from;
    for (let i = from + 1; i < from + words; i++) if (data[i] > data[best]) best = i;
    return best - from;
  });
}
