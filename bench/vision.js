/**
 * A forward pass and a step of training (AdamW, clipping to 1, dropout 0) of models of images, their time and the greatest
 * memory of their process, beside PyTorch on the same shapes, the median of 5 after 2 that are not counted; and with
 * --pictures the classification of that many pictures from files, beside transformers.js.
 *
 *   node bench/vision.js [--shapes resnet18,vit-tiny,mixer,vivit] [--whats forward,step] [--peer PYTHON] [--threads 2]
 *     [--repeats 5] [--tiny] [--pictures N] [--out FILE.jsonl]
 *
 * resnet18: 16 pictures of 64 pixels. vit-tiny: 8 of 224. mixer: S/16, 8 of 224. vivit: 2 clips of 8 frames of 64 pixels.
 * --tiny takes 2 small pictures of each, to try it; --shapes "" measures the pictures alone. PYTHON is one that has torch, transformers and timm; transformers.js is
 * found in the folder of node_modules that ZEROTH_PEERS names.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { median, report, timed } from "./shared.js";
import { batches, configs } from "./vision-shapes.js";

const { values: given } = parseArgs({
  options: {
    shapes: { type: "string", default: "resnet18,vit-tiny,mixer,vivit" },
    whats: { type: "string", default: "forward,step" },
    peer: { type: "string" },
    threads: { type: "string", default: "2" },
    repeats: { type: "string", default: "5" },
    tiny: { type: "boolean", default: false },
    pictures: { type: "string" },
    out: { type: "string" },
    child: { type: "string" },
  },
});
const [threads, repeats] = [Number(given.threads), Number(given.repeats)];

async function child(shape, what) {
  const { familyOf } = await import("../dist/models/families.js");
  const { pixelInput, shapeOf } = await import("../dist/models/kinds/pixels.js");
  const { compile } = await import("../dist/runtime/compile-node.js");
  const { graph } = await import("../dist/graph/graph.js");
  const { createScope } = await import("../dist/nn/scope.js");
  const { initialValue } = await import("../dist/nn/initial.js");
  const { createTrainer } = await import("../dist/learn/trainer.js");
  const { adamw } = await import("../dist/learn/optimizers.js");
  const { parseVisionConfig } = await import("../dist/vision/finetune/config.js");
  const { visionTraining } = await import("../dist/vision/finetune/model.js");
  const config = configs(given.tiny)[shape];
  const read = familyOf(config, shape).read(config);
  const side = batches(given.tiny)[shape].side;
  const model = read.positions || !read.resized ? read : read.resized({ height: side, width: side });
  const batch = batches(given.tiny)[shape].count;
  const sides = [batch, ...shapeOf(model.image)];
  const size = sides.reduce((a, b) => a * b);
  const pixels = { dtype: "float32", shape: sides, data: Float32Array.from({ length: size }, (_, i) => Math.sin(i)) };
  const c = parseVisionConfig({ architecture: config, data: "-", out: "-", optimizer: "adamw", dropout: 0 });
  const training = visionTraining(model, c);
  const values = new Map(training.all.map((spec) => [spec.name, initialValue(spec, 0)]));
  if (what === "forward") {
    const weights = new Map(
      [...values].map(([name, { shape, data }]) => [
        name,
        { dtype: "float32", shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) },
      ]),
    );
    const network = model.network(createScope());
    const g = graph({ logits: network.classify(network.encode(pixelInput(model.image))) });
    const program = await compile(g, { weights, threads });
    report(await timed(() => program.run({ pixels }), repeats, 2));
    return;
  }
  const moving = new Set([
    ...training.trained.map(({ name }) => name),
    ...training.state.map(({ tensor }) => tensor.node.name),
  ]);
  const trainer = await createTrainer({
    loss: training.loss,
    parameters: training.trained,
    state: training.state,
    values: new Map([...values].filter(([name]) => moving.has(name))),
    optimizer: adamw(),
    clip: 1,
    compile: (g) => compile(g, { threads, trained: () => true, optimize: "disabled", spin: false }),
  });
  const labels = {
    dtype: "int64",
    shape: [batch],
    data: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 10)),
  };
  const scale = { dtype: "float32", shape: [], data: Float32Array.of(1 / batch) };
  report(await timed(() => trainer.step([{ pixels, labels, scale }], 1e-4), repeats, 2));
}

if (given.child) {
  await child(...JSON.parse(given.child));
  process.exit(0);
}

/** The last JSON line that a process printed. */
function measured(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  const line = stdout?.trim().split("\n").at(-1);
  if (status === 0 && line?.startsWith("{")) return JSON.parse(line);
  return { error: stderr?.trim().split("\n").at(-1) || `ended with ${status}` };
}

function tell(row) {
  console.log(JSON.stringify(row));
  if (given.out) appendFileSync(given.out, `${JSON.stringify(row)}\n`);
}

const here = fileURLToPath(import.meta.url);
const script = fileURLToPath(new URL("peers/vision_peer.py", import.meta.url));
for (const shape of given.shapes.split(",").filter(Boolean)) {
  for (const what of given.whats.split(",")) {
    const common = ["--threads", given.threads, "--repeats", given.repeats, ...(given.tiny ? ["--tiny"] : [])];
    const zeroth = measured(process.execPath, [here, ...common, "--child", JSON.stringify([shape, what])]);
    const job = JSON.stringify({ config: configs(given.tiny)[shape], ...batches(given.tiny)[shape] });
    const pytorch =
      given.peer &&
      measured(given.peer, [script, shape, what, job, "--threads", given.threads, "--repeats", given.repeats]);
    const against = pytorch && {
      pytorch,
      time: zeroth.ms / pytorch.ms,
      memory: zeroth.peak_rss_mib / pytorch.peak_rss_mib,
    };
    tell({ shape, what, threads, ...(given.tiny && { tiny: true }), zeroth, ...against });
  }
}

/** Pictures a second of the same files and the same model: decoding, resizing and the network. */
async function throughput(count) {
  const { default: sharp } = await import("sharp");
  const { exportTransformersJs } = await import("../dist/export/export-node.js");
  const { openModelFolder } = await import("../dist/folders/open-node.js");
  const { openVisionModel } = await import("../dist/index.js");
  const scratch = mkdtempSync(join(tmpdir(), "zeroth-vision-bench-"));
  try {
    const { writeVit } = await import("./vision-shapes.js");
    const folder = await writeVit(join(scratch, "vit"), given.tiny);
    const files = [];
    for (let i = 0; i < count; i++) {
      const data = Uint8Array.from({ length: 320 * 240 * 3 }, (_, at) => (at * (i + 3)) % 256);
      files.push(join(scratch, `${i}.jpg`));
      await sharp(data, { raw: { width: 320, height: 240, channels: 3 } })
        .jpeg()
        .toFile(files.at(-1));
    }
    const ours = [];
    const model = await openVisionModel(folder, { threads });
    for (let round = 0; round < 1 + repeats; round++) {
      const begun = performance.now();
      const pixels = await Promise.all(files.map(async (file) => (await model.read(file)).pixels));
      await model.classify(pixels);
      if (round > 0) ours.push((1000 * count) / (performance.now() - begun));
    }
    await model[Symbol.asyncDispose]();
    const row = { what: "pictures a second", count, zeroth: median(ours) };
    if (!process.env.ZEROTH_PEERS) return tell(row);
    await exportTransformersJs(openModelFolder(folder), join(scratch, "exported"), { target: "onnx" });
    const peers = createRequire(join(process.env.ZEROTH_PEERS, "package.json"));
    const { pipeline, env } = await import(pathToFileURL(peers.resolve("@huggingface/transformers")).href);
    Object.assign(env, { allowRemoteModels: false, localModelPath: scratch });
    const classify = await pipeline("image-classification", "exported", {
      dtype: "fp32",
      session_options: { intraOpNumThreads: threads },
    });
    const theirs = [];
    for (let round = 0; round < 1 + repeats; round++) {
      const begun = performance.now();
      for (const file of files) await classify(file);
      if (round > 0) theirs.push((1000 * count) / (performance.now() - begun));
    }
    tell({ ...row, "transformers.js": median(theirs), times: median(ours) / median(theirs) });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (given.pictures) await throughput(Number(given.pictures));
