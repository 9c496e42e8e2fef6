/** What went wrong, at the place where it went wrong: read out when it appears. */
export function Notice({ id, text }: { readonly id?: string; readonly text: string | undefined }) {
  return (
    <div id={id} role="alert">
      {text && <p class="notice">{text}</p>}
    </div>
  );
}
