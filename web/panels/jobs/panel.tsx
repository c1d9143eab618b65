/** Jobs. */
export function Panel() {
  return <h1>Jobs</h1>;
}
