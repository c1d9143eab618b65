import { expect, test } from "vitest";
import { calledWriter } from "../../../test/support/summaries.ts";
import { settingsFor } from "./settings.ts";

test("small windows and models that read the text alone are told of no earlier summaries, unless they are to be", () => {
  const contextOf = (change: Parameters<typeof calledWriter>[0], context?: "sequential") =>
    settingsFor({ ...(context && { context }) }, calledWriter(change)).context;
  expect(contextOf({ window: 1024 })).toBe("none");
  expect(contextOf({ window: 2048 })).toBe("none");
  expect(contextOf({ window: 4096 })).toBe("subtree");
  expect(contextOf({ window: 4096, encoderDecoder: true })).toBe("none");
  expect(contextOf({ window: 1024 }, "sequential")).toBe("sequential");
});
