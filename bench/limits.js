/** What this machine can do, through the same engine: node bench/limits.js THREADS */
import { measureLimits } from "../dist/runtime/limits-node.js";

// 512 MiB: many times any cache.
const options = { threads: Number(process.argv[2]), bytes: 512 << 20, repeats: 7, patience: Infinity };
const { flops, bandwidth } = await measureLimits(options);
console.log(JSON.stringify({ gflops: flops / 1e9, gbps: bandwidth / 1e9 }));
