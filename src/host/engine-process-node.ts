/** The script of an engine's child process: calls in, values and events out, until its owner says so or is gone. */
import { giveWay, leaveSignalsToOwner, whenOwnerGone } from "../base/owner-node.ts";
import { fail } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { localEngine } from "./local-node.ts";
import {
  type Arguments,
  eventsAhead,
  type FromEngine,
  type Method,
  needArguments,
  needAsk,
  needToEngine,
  sentErrorOf,
  type ToEngine,
} from "./messages.ts";

interface Running {
  readonly stop: AbortController;
  /** Events that may still be sent. */
  credit: number;
  /** Called when there may be more of them. */
  wake: () => void;
}

let engine: Engine | undefined;
const running = new Map<number, Running>();
let outbox: FromEngine[] = [];

/** What a step of the model tells its rows travels as one message. */
function tell(message: FromEngine): void {
  if (outbox.length === 0) setImmediate(flush);
  outbox.push(message);
}

function flush(): void {
  const messages = outbox;
  outbox = [];
  // Whoever asked may be gone; that the channel breaks meanwhile is told by its own event.
  if (process.connected) process.send?.(messages, undefined, {}, () => {});
}

/** How the methods that answer once are called: the signal has its place after what travels. */
type Called = (args: never, signal: AbortSignal, engine: Engine) => Promise<unknown>;
const methods: {
  readonly [M in Method]: (args: Arguments<M>, signal: AbortSignal, engine: Engine) => Promise<unknown>;
} = {
  list: (_, _signal, engine) => engine.list(),
  about: ([model], signal, engine) => engine.about(model, signal),
  open: ([model], signal, engine) => engine.open(model, signal),
  close: ([model], _signal, engine) => engine.close(model),
  score: ([ask], signal, engine) => engine.score(ask, signal),
  embed: ([ask], signal, engine) => engine.embed(ask, signal),
  predict: ([ask], signal, engine) => engine.predict(ask, signal),
  adapters: (_, _signal, engine) => engine.adapters(),
  addAdapter: ([base, name, folder], _signal, engine) => engine.addAdapter(base, name, folder),
  removeAdapter: ([id], _signal, engine) => engine.removeAdapter(id),
  scanAdapters: (_, _signal, engine) => engine.scanAdapters(),
  tokenize: ([model, prompt], _signal, engine) => engine.tokenize(model, prompt),
  detokenize: ([model, ids], _signal, engine) => engine.detokenize(model, ids),
  tokens: ([model, ids], _signal, engine) => engine.tokens(model, ids),
  tokenizerInfo: ([model], _signal, engine) => engine.tokenizerInfo(model),
  status: (_, _signal, engine) => engine.status(),
};

const needEngine = (): Engine => engine ?? fail("wrong_use", "the engine was asked before it was started");

async function generate(id: number, ask: unknown, one: Running): Promise<void> {
  for await (const event of needEngine().generate(needAsk(ask), one.stop.signal)) {
    while (one.credit === 0 && !one.stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        one.wake = resolve;
      });
    }
    if (one.stop.signal.aborted) break;
    one.credit--;
    tell({ kind: "event", id, event });
  }
  tell({ kind: "end", id });
}

/** Run a call; whatever goes wrong with it is its own answer. */
async function answer(id: number, work: (one: Running) => Promise<void>): Promise<void> {
  const one: Running = { stop: new AbortController(), credit: eventsAhead, wake: () => {} };
  running.set(id, one);
  try {
    await work(one);
  } catch (error) {
    tell({ kind: "error", id, error: sentErrorOf(error) });
  } finally {
    running.delete(id);
  }
}

/** End by having nothing left to do: what is being computed is left between two steps. */
async function end(): Promise<void> {
  for (const { stop, wake } of running.values()) {
    stop.abort();
    wake();
  }
  await engine?.[Symbol.asyncDispose]();
  if (process.connected) process.disconnect();
}

function receive(message: ToEngine): void {
  switch (message.kind) {
    case "start":
      engine = localEngine(message.options);
      tell({ kind: "ready" });
      return;
    case "call": {
      const { id, method, args } = message;
      answer(id, async ({ stop }) => {
        const given = needArguments(method, args);
        tell({
          kind: "value",
          id,
          value: await (methods[method] as Called)(given as never, stop.signal, needEngine()),
        });
      });
      return;
    }
    case "generate":
      answer(message.id, (one) => generate(message.id, message.ask, one));
      return;
    case "more": {
      const one = running.get(message.id);
      if (!one) return;
      one.credit += message.count;
      one.wake();
      return;
    }
    case "cancel": {
      const one = running.get(message.id);
      one?.stop.abort();
      one?.wake();
      return;
    }
    case "stop":
      end();
  }
}

giveWay({ memory: 500 });

process.on("message", (message) => receive(needToEngine(message)));
whenOwnerGone(() => {
  end();
  // Should something keep it, it does not outlive its owner by much.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), 10_000).unref();
});
leaveSignalsToOwner();
