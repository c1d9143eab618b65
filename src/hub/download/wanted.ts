/** From a listing to the files that are wanted. Only these are judged: what nobody asks for may be as it likes. Pure. */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { Listing, RemoteFile } from "./listing.ts";

/** All names of a listing, also of files that cannot be fetched. */
export const listedNames = ({ files, refused }: Listing): string[] => [...files, ...refused].map(({ name }) => name);

/** What a disk that knows neither case nor the ways to write an accent makes of a name. */
const folded = (name: string): string => name.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");

/** Two files at one place: one would overwrite the other, on some disks at least. */
function checkPlaces(chosen: readonly RemoteFile[], where: string): void {
  const hint = "ask for one of them alone, with --include";
  const byPlace = new Map<string, RemoteFile>();
  for (const file of chosen) {
    const place = folded(file.name);
    const other = byPlace.get(place);
    if (other && other.etag !== file.etag) {
      fail("corrupt_file", `${shown(other.name)} and ${shown(file.name)} would be one file on some disks`, {
        where,
        hint,
      });
    }
    byPlace.set(place, file);
  }
  for (const { name } of chosen) {
    const parts = folded(name).split("/");
    for (let n = 1; n < parts.length; n++) {
      const file = byPlace.get(parts.slice(0, n).join("/"));
      if (file) {
        fail("corrupt_file", `${shown(file.name)} is a file, and a folder in ${shown(name)}`, { where, hint });
      }
    }
  }
}

/** Files with one hash are one blob, so they have one size. */
function checkSizes(chosen: readonly RemoteFile[], where: string): void {
  const byHash = new Map<string, RemoteFile>();
  for (const file of chosen) {
    const other = byHash.get(file.etag);
    if (other && other.bytes !== file.bytes) {
      fail(
        "corrupt_file",
        `${shown(other.name)} and ${shown(file.name)} have one hash, but ${other.bytes} and ${file.bytes} bytes`,
        { where, hint: "this server does not speak the hub's protocol; unset HF_ENDPOINT or choose another mirror" },
      );
    }
    byHash.set(file.etag, file);
  }
}

/**
 * The files that `wanted` asks for by name.
 * @throws corrupt_file when one of them cannot be fetched, or two of them cannot lie on one disk
 */
export function takeWanted(listing: Listing, where: string, wanted: (name: string) => boolean): readonly RemoteFile[] {
  const bad = listing.refused.find(({ name }) => wanted(name));
  if (bad) {
    const hint = bad.hint ?? "tell whoever keeps the repository; --include fetches what else is in it";
    fail("corrupt_file", `${shown(bad.name)} ${bad.why}`, { where, hint });
  }
  const chosen = listing.files.filter(({ name }) => wanted(name));
  checkPlaces(chosen, where);
  checkSizes(chosen, where);
  return chosen;
}
