/** A field for texts that grows with what is in it. */
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  readonly id: string;
  readonly value: string;
  readonly rows: number;
  readonly label: string;
  readonly placeholder?: string;
  readonly autofocus?: boolean;
  onText(text: string): void;
  onKeyDown?(event: KeyboardEvent): void;
}

export function TextArea({ id, value, rows, label, placeholder, autofocus, onText, onKeyDown }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const { style, scrollHeight, offsetHeight } = field.current!;
    if (!value) style.removeProperty("height");
    else if (scrollHeight > offsetHeight) style.setProperty("height", `${scrollHeight + 2}px`);
  }, [value]);
  useLayoutEffect(() => {
    // A phone's keyboard is not opened unasked.
    if (autofocus && matchMedia("(min-width: 48rem)").matches) field.current?.focus();
  }, [autofocus]);
  return (
    <textarea
      id={id}
      ref={field}
      rows={rows}
      aria-label={label}
      placeholder={placeholder}
      spellcheck={false}
      value={value}
      onInput={({ currentTarget }) => onText(currentTarget.value)}
      onKeyDown={onKeyDown}
    />
  );
}
