/** Models. */
export function Panel() {
  return <h1>Models</h1>;
}
