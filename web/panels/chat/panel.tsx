/** Chat. */
export function Panel() {
  return <h1>Chat</h1>;
}
