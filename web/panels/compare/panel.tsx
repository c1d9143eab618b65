/** Compare. */
export function Panel() {
  return <h1>Compare</h1>;
}
