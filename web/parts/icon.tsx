/** Our own line drawings on a grid of 24, in the colour of the text beside them. */
import type { JSX } from "preact";

const paths = {
  ask: "M5 5h14v10H10l-5 4zM9 9h6M9 12h4",
  chat: "M4 5h11v8H9l-4 3v-3H4zM17 9h3v8h-1v3l-4-3h-5v-1",
  compare: "M4 5h6v14H4zM14 5h6v14h-6z",
  teach: "M3 9l9-4 9 4-9 4zM7 11v5c3 2 7 2 10 0v-5M21 9v6",
  search: "M11 5a6 6 0 1 0 0 12a6 6 0 1 0 0-12M15.5 15.5L20 20",
  books: "M4 5c3-1 6-1 8 1c2-2 5-2 8-1v13c-3-1-6-1-8 1c-2-2-5-2-8-1zM12 6v13",
  digest: "M5 4h11v16H5zM16 8h3v10a2 2 0 0 1-2 2M8 8h5M8 12h5M8 16h3",
  look: "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7zM12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6",
  studies: "M4 4v16h16M7 17c2-8 6-11 13-11M9 8v.01M13 12v.01M17 10v.01",
  pause: "M8 6v12M16 6v12",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  jobs: "M5 12h4l2-6 3 12 2-6h3",
  settings: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6v4M9 14v4",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  share: "M12 15V4M8 8l4-4 4 4M5 13v6h14v-6",
  edit: "M5 19l1-4L16 5l3 3L9 18z",
  again: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12l5 5 9-10",
  down: "M6 10l6 6 6-6",
  more: "M12 5v14M5 12h14",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  save: "M12 4v11M8 11l4 4 4-4M5 15v4h14v-4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
