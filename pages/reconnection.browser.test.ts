/**
 * A gateway that is killed, a page that is loaded anew, and a device that was asleep: the picture comes all the same.
 */
import { describe, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { TestClient } from "../gateway/testing/client.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { brokenConnections, photo } from "./testing/visitor.ts";

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite({ flags: ["--workers", "2"] });

  /** Somebody whose picture is being painted, until the gate is opened. */
  async function waiting() {
    await site.closeGate();
    const visitor = await site.visitor();
    visitor.expects(...brokenConnections);
    await visitor.paint({ picture: await photo(), style: "Gated" });
    await visitor.heading("Painting your picture").waitFor();
    return visitor;
  }

  it("the gateway is killed while a picture is painted: its page gets to the result by itself", async () => {
    const visitor = await waiting();
    await site.gateway.kill();
    await visitor.page.getByText("No connection. Trying again").waitFor();
    await visitor.heading("Painting your picture").waitFor(); // what was known is still shown
    await site.startGateway();
    await visitor.page.getByText("No connection. Trying again").waitFor({ state: "detached" });
    await site.openGate();
    await visitor.heading("Painted in the style of Gated").waitFor();
    await visitor.page.getByRole("slider", { name: "Compare with the original" }).waitFor();
  });

  it("a page that is loaded anew in the middle goes on with its job", async () => {
    const visitor = await waiting();
    await visitor.page.reload();
    await visitor.heading("Painting your picture").waitFor();
    await visitor.page.getByRole("link", { name: "Feed" }).click();
    await visitor.page.goBack();
    await visitor.heading("Painting your picture").waitFor();
    await site.openGate();
    await visitor.heading("Painted in the style of Gated").waitFor();
  });

  it("a device that was away while the picture was finished shows it when it is back", async () => {
    const visitor = await waiting();
    await visitor.context.setOffline(true);
    await visitor.page.getByText("No connection. Trying again").waitFor();
    await site.openGate();
    using client = await TestClient.connect(site.gateway.port);
    const job = await visitor.newestJob();
    await eventually(() => client.job(job).then(({ status }) => status)).toBe("succeeded");
    await visitor.context.setOffline(false);
    await visitor.heading("Painted in the style of Gated").waitFor();
    await visitor.page.getByRole("slider", { name: "Compare with the original" }).waitFor();
  });
});
