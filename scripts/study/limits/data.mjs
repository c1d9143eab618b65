/** The pictures of the limits study: Omniglot upstream, six sets of ten or five classes downstream, and the one-shot tasks. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { permuted } from "../../../dist/data/order.js";
import { parseIdx } from "../../../dist/media/images/idx.js";

export const side = 28;
const pixels = side * side;

/** Downstream: their folder, and how many pictures test. */
export const tasks = {
  mnist: ["mnist-t10k", 1000],
  notmnist: ["notmnist-10k", 1000],
  kannada: ["kannada-10k", 1000],
  "dig-mnist": ["dig-mnist-10k", 1000],
  fashion10: ["fashion10-900", 650],
  fashion5: ["fashion5-5k", 1000],
};

const names = [
  ...["images-idx3-ubyte", "labels-idx1-short", "drawers-idx1-ubyte"].map((name) => `omniglot/background-${name}.gz`),
  ...["oneshot-images-idx3-ubyte.gz", "oneshot.json"].map((name) => `omniglot/${name}`),
  ...Object.values(tasks).flatMap(([folder]) =>
    ["images-idx3-ubyte", "labels-idx1-ubyte"].map((name) => `${folder}/${name}.gz`),
  ),
];

/** Every file that decides a result. */
export const dataFiles = () => names.map((name) => resolve(process.env.ZEROTH_VISION ?? "vision", name));

/** Bytes 0 to 255 as a network takes them: ink is rare. */
const scaled = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - 0.1) / 0.3);

const opened = new Map();
function once(key, make) {
  if (!opened.has(key)) opened.set(key, make());
  return opened.get(key);
}

const pathOf = (data, name) => data.find((path) => `${basename(dirname(path))}/${basename(path)}` === name);
const idx = (data, name) => once(name, () => parseIdx(gunzipSync(readFileSync(pathOf(data, name))), name));

/** Pictures of a set by their places: float32 [n, 1, 28, 28], each moved by up to `shift` pixels as `seed` and its place say. */
export function batchOf(images, places, { shift = 0, seed = 0 } = {}) {
  const out = new Float32Array(places.length * pixels).fill(scaled[0]);
  places.forEach((place, row) => {
    const draw = shift === 0 ? 0 : permuted(seed, (2 * shift + 1) ** 2 * 4096, place % 4096);
    const [dx, dy] =
      shift === 0 ? [0, 0] : [(draw % (2 * shift + 1)) - shift, (Math.floor(draw / 5) % (2 * shift + 1)) - shift];
    for (let y = Math.max(0, dy); y < Math.min(side, side + dy); y++) {
      for (let x = Math.max(0, dx); x < Math.min(side, side + dx); x++) {
        out[row * pixels + y * side + x] = scaled[images[place * pixels + (y - dy) * side + (x - dx)]];
      }
    }
  });
  return { dtype: "float32", shape: [places.length, 1, side, side], data: out };
}

/** Drawers 1 to 16 train (a fraction: the first of them), 17 to 20 are for validation. */
export function upstream(data, fraction) {
  const images = idx(data, "omniglot/background-images-idx3-ubyte.gz").data;
  const labels = idx(data, "omniglot/background-labels-idx1-short.gz").data;
  const drawers = idx(data, "omniglot/background-drawers-idx1-ubyte.gz").data;
  const places = Array.from(drawers, (_, i) => i);
  return {
    ...{ images, labels, classes: 964 },
    train: places.filter((i) => drawers[i] <= Math.round(16 * fraction)),
    validation: places.filter((i) => drawers[i] > 16),
  };
}

/** A task's pictures in one order for everybody: more shots contain fewer, and the test pictures are the same. */
export function downstream(data, task) {
  const [folder, tested] = tasks[task];
  const images = idx(data, `${folder}/images-idx3-ubyte.gz`).data;
  const labels = idx(data, `${folder}/labels-idx1-ubyte.gz`).data;
  const order = Array.from(labels, (_, i) => permuted(7, labels.length, i));
  const seen = new Map();
  const support = order.filter((place) => {
    const count = seen.get(labels[place]) ?? 0;
    seen.set(labels[place], count + 1);
    return count < 25;
  });
  const taken = new Set(support);
  return { images, labels, support, test: order.filter((place) => !taken.has(place)).slice(0, tested) };
}

/** The twenty official one-shot tasks: places of twenty characters and of twenty to be told, with the right answers. */
export function oneshot(data) {
  const images = idx(data, "omniglot/oneshot-images-idx3-ubyte.gz").data;
  const { runs } = once("oneshot.json", () => {
    const given = JSON.parse(readFileSync(pathOf(data, "omniglot/oneshot.json"), "utf8"));
    return { runs: Array.isArray(given) ? given : given.runs };
  });
  return { images, runs };
}
