/** Lets everything else that waits have its turn: messages, timers, signals. */

declare const setImmediate: ((run: () => void) => unknown) | undefined;

export const pause = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // Timers of a browser wait four milliseconds and more, messages do not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
