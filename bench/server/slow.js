/**
 * Clients that send slowly: node bench/server/slow.js URL [--clients 1000] [--seconds 20]. Each opens a connection, begins
 * a request and sends a byte of its body a second; a third of them never ends its headers. Beside them /health is asked ten times a
 * second over connections of their own, and /v1/models once. Prints one JSON line: how long /health took (p50, p99, most)
 * before them, while the last of them came, and beside them, how many were connected, and how many the server had ended by then.
 */
import { get } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { clients: { type: "string", default: "1000" }, seconds: { type: "string", default: "20" } },
});
const [url] = positionals;
if (!url) {
  console.error("usage: node bench/server/slow.js URL [--clients N] [--seconds N]");
  process.exit(2);
}
const { hostname, port, host } = new URL(url);
const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
let [connected, ended] = [0, 0];
let sending = true;

async function slow(number) {
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const over = new Promise((resolve) => socket.once("close", resolve));
  socket.once("connect", () => connected++);
  socket.once("close", () => {
    if (sending) ended++;
  });
  socket.resume();
  socket.write(number % 3 === 0 ? head : `${head}Content-Length: 1000000\r\n\r\n{`);
  while (sending && !socket.destroyed) {
    await sleep(1000);
    if (!socket.destroyed) socket.write(number % 3 === 0 ? "X" : " ");
  }
  socket.destroy();
  return over;
}

const health = () =>
  new Promise((resolve) => {
    const start = performance.now();
    get(`${url}/health`, { agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - start));
    }).on("error", () => resolve(Number.POSITIVE_INFINITY));
  });

async function watched(seconds) {
  const times = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    times.push(await health());
    await sleep(100);
  }
  times.sort((a, b) => a - b);
  const at = (share) => Math.round(10 * times[Math.min(times.length - 1, Math.floor(share * times.length))]) / 10;
  return { asked: times.length, p50_ms: at(0.5), p99_ms: at(0.99), most_ms: at(1) };
}

const alone = await watched(5);
const clients = [];
for (let i = 0; i < Number(flags.clients); i++) {
  clients.push(slow(i));
  if (i % 100 === 99) await sleep(20);
}
const coming = await watched(1);
const beside = await watched(Number(flags.seconds));
const models = (await fetch(`${url}/v1/models`)).status;
sending = false;
console.log(JSON.stringify({ connected, ended_by_the_server: ended, alone, coming, beside, models }));
await Promise.all(clients);
