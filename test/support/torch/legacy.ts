/** Files of the format before torch 1.6. */
import { calls, int, laughs, none, pickle, stateOf, storage, tensor, text, u64 } from "./codes.ts";
import { sixteen } from "./zips.ts";

/** The three pickles before the tensors' in the format before torch 1.6. */
export const legacyHead = [
  ...pickle([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]),
  ...pickle(int(1001)),
  ...pickle([0x7d]),
];
const legacy = (state: Uint8Array, keys: Uint8Array, data: readonly number[]) =>
  Uint8Array.from([...legacyHead, ...state, ...keys, ...data]);
const good = stateOf(tensor(int(0), [int(4)], [int(1)]));
const keys = (...names: number[][]) => pickle([0x5d, 0x28], ...names, [0x65]);

/** The format before torch 1.6. */
export const hostileLegacy: Readonly<Record<string, [bytes: Uint8Array, message: RegExp]>> = {
  "another magic number": [pickle(int(7)), /torch's number/],
  "another version": [
    Uint8Array.from([...legacyHead.slice(0, 15), ...pickle(int(7)), ...pickle([0x7d]), ...good, ...keys()]),
    /version 7/,
  ],
  "a version that is a huge list": [
    Uint8Array.from([...legacyHead.slice(0, 15), ...pickle(laughs(5)), ...pickle([0x7d]), ...good, ...keys()]),
    /version that is no number/,
  ],
  "no keys": [legacy(good, pickle(none), []), /list of storages is missing/],
  "a key that is a list": [legacy(good, keys([0x5d]), []), /belongs to no tensor/],
  "a key nobody uses": [legacy(good, keys(text("7")), []), /storage "7" belongs to no tensor/],
  "a key twice": [
    legacy(good, keys(text("0"), text("0")), [...u64(4n), ...sixteen, ...u64(4n), ...sixteen]),
    /comes twice/,
  ],
  "another size": [legacy(good, keys(text("0")), [...u64(1n << 60n), ...sixteen]), /expected 4/],
  "cut in a storage": [legacy(good, keys(text("0")), [...u64(4n), 0]), /cut short/],
  "cut before a storage": [legacy(good, keys(text("0")), [1]), /cut short/],
  "something after": [legacy(good, keys(text("0")), [...u64(4n), ...sixteen, 0]), /1 bytes follow/],
  "a storage that is not there": [legacy(good, keys(), []), /storage "0" is missing/],
  "code in the first pickle": [calls("os", "system"), /os.system/],
  "code in the fifth pickle": [legacy(good, calls("os", "system"), []), /os.system/],
  "one tensor's storage twice as long as another's": [
    legacy(
      pickle(
        [0x7d, 0x28],
        text("a"),
        tensor(int(0), [int(4)], [int(1)], storage("0", int(4))),
        text("b"),
        tensor(int(0), [int(8)], [int(1)], storage("0", int(8))),
        [0x75],
      ),
      keys(text("0")),
      [...u64(4n), ...sixteen],
    ),
    /expected 8|beyond its storage/,
  ],
};
