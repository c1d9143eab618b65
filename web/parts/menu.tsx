/** A button with a small list under it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

interface Props {
  readonly label: string;
  readonly icon: IconName;
  readonly children: ComponentChildren;
}

export function Menu({ label, icon, children }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = ({ target }: Event) => !box.current?.contains(target as Node) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    setOpen(false);
    button.current?.focus();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc inside closes what the button opened
    <div class="menu" ref={box} onKeyDown={keys}>
      <button ref={button} type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={icon} />
        <span>{label}</span>
      </button>
      {open && (
        // biome-ignore lint/a11y/noStaticElementInteractions: a choice inside closes the list
        // biome-ignore lint/a11y/useKeyWithClickEvents: the same, by the buttons' own keys
        <div class="menu-list" onClick={() => setOpen(false)}>
          {children}
        </div>
      )}
    </div>
  );
}
