/** Where documents are kept: in this browser or on the server, and there in which store. */
import { useState } from "preact/hooks";
import { Places } from "../../parts/places.tsx";
import { chooseCollection, choosePlace, library, makeCollection, place, searcher, serverTrouble } from "./state.ts";

export const Kept = () => (
  <Places legend="Kept" name="search-place" place={place.value} trouble={serverTrouble.value} choose={choosePlace} />
);

export function Collections() {
  const [naming, setNaming] = useState(false);
  const { collections = [] } = library.value;
  if (!searcher.value.collections || collections.length === 0) return null;
  return (
    <div class="collections">
      <label class="picker">
        <span>Store</span>
        <select value={collections[0]!.id} onChange={({ currentTarget }) => void chooseCollection(currentTarget.value)}>
          {collections.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="quiet" aria-expanded={naming} onClick={() => setNaming(!naming)}>
        New store
      </button>
      {naming && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            const name = new FormData(event.currentTarget).get("name");
            setNaming(false);
            if (typeof name === "string" && name.trim()) void makeCollection(name.trim());
          }}
        >
          <input type="text" name="name" aria-label="Name of the new store" placeholder="its name" />
          <button type="submit">Make it</button>
        </form>
      )}
    </div>
  );
}
