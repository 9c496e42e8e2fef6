/** What all pages have around them: the way between them, and a word when the connection is away. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { FeedPage } from "./feed/feed-page.tsx";
import { JobPage } from "./job/job-page.tsx";
import { LocalPage } from "./job/local-page.tsx";
import { MinePage } from "./job/mine-page.tsx";
import { RequestPage } from "./request/request-page.tsx";
import { hrefOf, type Route, useRoute } from "./router.ts";
import { useConnection } from "./service.ts";

const titles: Readonly<Record<Route["page"], string>> = {
  request: "New picture",
  feed: "Feed",
  mine: "Your pictures",
  job: "Your picture",
  local: "Your picture",
  unknown: "Not found",
};

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const path = route.page === "job" ? `job ${route.jobId}` : route.page;
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    document.title = `${titles[route.page]} - Stylize`; // before the pages' own
  }, [path]);
  useEffect(() => {
    if (!isFirst.current) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true }); // those who hear a page begin at its start, too
    }
    isFirst.current = false;
  }, [path]);
  return (
    <>
      <header class="head">
        <a class="skip" href={location.hash || "#/"} onClick={(event) => skipTo(event, main.current)}>
          Skip to content
        </a>
        <a class="head-name" href={hrefOf.request}>
          Stylize
        </a>
        <nav aria-label="Pages">
          <NavLink text="New" href={hrefOf.request} isHere={route.page === "request"} />
          <NavLink text="Yours" href={hrefOf.mine} isHere={["mine", "job", "local"].includes(route.page)} />
          <NavLink text="Feed" href={hrefOf.feed} isHere={route.page === "feed"} />
        </nav>
      </header>
      <ConnectionNotice />
      <main ref={main} tabIndex={-1} id="main">
        <Page key={path} route={route} />
      </main>
    </>
  );
}

function skipTo(event: Event, main: HTMLElement | null): void {
  event.preventDefault(); // the address is the page's
  main?.focus();
}

function NavLink(props: { readonly href: string; readonly isHere: boolean; readonly text: string }) {
  return (
    <a href={props.href} aria-current={props.isHere ? "page" : undefined}>
      {props.text}
    </a>
  );
}

/** Short breaks are nobody's business. */
const BREAK_MS = 2500;

function ConnectionNotice() {
  const connection = useConnection();
  const isAway = connection.state === "connecting";
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    setIsLong(false);
    if (!isAway) return;
    const timer = setTimeout(() => setIsLong(true), BREAK_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  const text =
    connection.state === "refused"
      ? connection.error.message
      : isAway && isLong
        ? "No connection. Trying again; nothing is forgotten."
        : "";
  return (
    <div role="status" class={text === "" ? "sr-only" : "banner"}>
      {text}
    </div>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case "request":
      return <RequestPage />;
    case "feed":
      return <FeedPage />;
    case "mine":
      return <MinePage />;
    case "local":
      return <LocalPage />;
    case "job":
      return <JobPage jobId={route.jobId} token={route.token} />;
    case "unknown":
      return (
        <section class="page narrow nothing-here">
          <h1>There is no such page</h1>
          <p>
            <a href={hrefOf.request}>Start a new picture</a> or look at <a href={hrefOf.feed}>the feed</a>.
          </p>
        </section>
      );
    default:
      return route satisfies never;
  }
}
