/** Settings. */
export function Panel() {
  return <h1>Settings</h1>;
}
