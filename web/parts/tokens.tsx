/** An answer as its tokens, tinted by probability; each offers what else was likely there. */
import { useRef, useState } from "preact/hooks";
import type { Chance, Token } from "../client/client.ts";
import { shareText } from "./numbers.ts";

interface Props {
  readonly tokens: readonly Token[];
  /** Goes on from another token at this place. */
  readonly onPick?: (at: number, chance: Chance) => void;
}

/** 0 for what was nearly certain, 6 for what was hardly likely. */
export function tintOf(logprob: number | undefined): number {
  if (logprob === undefined) return 0;
  const probability = Math.exp(logprob);
  return [0.9, 0.7, 0.5, 0.3, 0.15, 0.05].filter((limit) => probability < limit).length;
}

/** Spaces and line ends made visible, for a token that stands alone. */
export const visible = (text: string): string =>
  text === "" ? "end of answer" : text.replace(/\n/g, "↵").replace(/^ | $/g, "␣");

export function Tokens({ tokens, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<number | undefined>();
  const [pinned, setPinned] = useState(false);
  const closing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const stay = () => clearTimeout(closing.current);
  const leave = () => {
    stay();
    if (!pinned) closing.current = setTimeout(() => setOpen(undefined), 180);
  };

  const show = (at: number, pin: boolean) => {
    stay();
    if (pinned && !pin) return;
    setPinned(pin);
    setOpen(tokens[at]?.top ? at : undefined);
  };
  const placeOf = ({ target }: Event): number | undefined => {
    const at = (target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset.at;
    return at === undefined ? undefined : Number(at);
  };
  const close = () => {
    setPinned(false);
    setOpen(undefined);
  };
  const keys = (event: KeyboardEvent) => {
    const last = tokens.length - 1;
    const now = open ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    if (event.key === "ArrowRight") show(Math.min(last, now + 1), true);
    else if (event.key === "ArrowLeft") show(Math.max(0, now - 1), true);
    else if (event.key === "ArrowDown" || event.key === "Enter")
      list.current?.querySelector<HTMLButtonElement>("button:enabled")?.focus();
    else if (event.key === "Escape" && open !== undefined) {
      close();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  };
  const listKeys = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("button:enabled") ?? [])];
    const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[Math.min(buttons.length - 1, now + 1)]?.focus();
    else if (event.key === "ArrowUp" && now > 0) buttons[now - 1]?.focus();
    else if (event.key === "ArrowUp" || event.key === "Escape") {
      box.current?.focus();
      if (event.key === "Escape") close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const token = open === undefined ? undefined : tokens[open];
  return (
    <div class="tokens-box" onPointerLeave={leave}>
      <div
        ref={box}
        class="tokens answer-text"
        role="listbox"
        tabIndex={0}
        aria-label="The answer's tokens: arrow keys walk them, Enter lists what else was likely"
        aria-activedescendant={open === undefined ? undefined : `token-${open}`}
        onPointerOver={(event) => {
          const at = placeOf(event);
          if (at !== undefined && event.pointerType === "mouse") show(at, false);
        }}
        onClick={(event) => {
          const at = placeOf(event);
          if (at === undefined || (pinned && at === open)) close();
          else show(at, true);
        }}
        onKeyDown={keys}
      >
        {tokens.map((token, at) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the list keeps the focus and says which token is meant
          <span
            key={at}
            id={`token-${at}`}
            role="option"
            aria-selected={at === open}
            class={`token tint-${tintOf(token.logprob)}${at === open ? " open" : ""}${token.text === "" ? " end" : ""}`}
            data-at={at}
          >
            {token.text === "" ? "end" : token.text}
          </span>
        ))}
      </div>
      {token?.top && (
        <Alternatives
          token={token}
          at={open!}
          box={box.current}
          listRef={list}
          onEnter={stay}
          onKeyDown={listKeys}
          onPick={(chance) => {
            close();
            onPick?.(open!, chance);
          }}
        />
      )}
    </div>
  );
}

interface ListProps {
  readonly token: Token;
  readonly at: number;
  readonly box: HTMLElement | null;
  readonly listRef: { current: HTMLDivElement | null };
  onEnter(): void;
  onKeyDown(event: KeyboardEvent): void;
  onPick(chance: Chance): void;
}

/** What else was likely, under its token, kept inside the text's width. */
function Alternatives({ token, at, box, listRef, onEnter, onKeyDown, onPick }: ListProps) {
  const place = (element: HTMLDivElement | null) => {
    listRef.current = element;
    const span = box?.querySelector<HTMLElement>(`[data-at="${at}"]`);
    if (!element || !box || !span) return;
    const [outer, inner] = [box.parentElement!.getBoundingClientRect(), span.getClientRects()[0]!];
    const left = Math.max(0, Math.min(inner.left - outer.left, outer.width - element.offsetWidth));
    element.style.setProperty("left", `${left}px`);
    element.style.setProperty("top", `${inner.bottom - outer.top + 4}px`);
  };
  const others = token.top ?? [];
  const isTaken = (chance: Chance) =>
    chance.id !== undefined && token.id !== undefined
      ? chance.id === token.id
      : chance.text === token.text || chance.logprob === token.logprob;
  const rows = others.some(isTaken) || token.logprob === undefined ? others : [...others, token as Chance];
  return (
    <div class="alternatives" ref={place} onPointerEnter={onEnter} role="group" aria-label="Other tokens here">
      {rows.map((chance) => (
        <button
          key={chance.id ?? chance.text}
          type="button"
          class={isTaken(chance) ? "taken" : ""}
          disabled={isTaken(chance)}
          onClick={() => onPick(chance)}
          onKeyDown={onKeyDown}
          title={isTaken(chance) ? "what the answer took" : "go on from here"}
        >
          <span class="word">{visible(chance.text)}</span>
          <span class="bar">
            <span style={{ width: `${100 * Math.exp(chance.logprob)}%` }} />
          </span>
          <span class="number">{shareText(Math.exp(chance.logprob))}</span>
        </button>
      ))}
    </div>
  );
}
