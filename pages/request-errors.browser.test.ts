/** What can go wrong before a job is accepted: told in words, where it can be mended, with the focus there. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { brokenConnections, type PictureFile, photo, type Visitor } from "./testing/visitor.ts";

const MAX_BYTES = 3_000_000;

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite({ flags: ["--max-image-bytes", String(MAX_BYTES)] });

  const problem = ({ page }: Visitor, group: string) =>
    page.getByRole("group", { name: group, exact: true }).getByRole("alert").first();
  const hasFocus = (visitor: Visitor, label: string) =>
    eventually(() =>
      visitor.page.getByLabel(label).evaluate((element) => element === document.activeElement),
    ).toBe(true);

  describe("a file that can't be painted", () => {
    it.each<[string, RegExp, () => Promise<Buffer>]>([
      ["a text", /can't read that file as a picture/, async () => Buffer.from("Dear Sir or Madam")],
      ["half a JPEG's head", /can't read that file/, async () => (await photo()).buffer.subarray(0, 150)],
      ["a stripe", /2000 × 20 pixels: each side needs at least 32/, () => blank(2000, 20)],
      ["a scroll", /too narrow to be painted: 4000 × 40/, () => blank(4000, 40)],
    ])("%s", async (_, sentence, make) => {
      const visitor = await site.visitor();
      const { page } = visitor;
      const input = page.getByLabel("Choose a picture");
      await input.focus();
      await input.setInputFiles({ name: "a.jpg", mimeType: "image/jpeg", buffer: await make() });
      await eventually(() => problem(visitor, "Your picture").textContent()).toMatch(sentence);
      await hasFocus(visitor, "Choose a picture");
      await input.setInputFiles(await photo());
      await page.getByRole("img", { name: "To be painted" }).waitFor();
      expect(await problem(visitor, "Your picture").textContent()).toBe("");
    });
  });

  it("a picture of too many bytes is made smaller, and is painted", async () => {
    const visitor = await site.visitor();
    const buffer = await noise(1600, 1200);
    expect(buffer.length).toBeGreaterThan(MAX_BYTES);
    await visitor.paint({ picture: { name: "large.png", mimeType: "image/png", buffer }, style: "Works" });
    await visitor.heading("Painted in the style of Works").waitFor();
  });

  it("a slightly damaged picture is sent anew as what the browser sees", async () => {
    const visitor = await site.visitor();
    const whole = await photo(320, 240);
    const picture = { ...whole, buffer: whole.buffer.subarray(0, whole.buffer.length * 0.8) };
    await visitor.paint({ picture, style: "Works" });
    await visitor.heading("Painted in the style of Works").waitFor();
  });

  it("nothing chosen: both are said, and the first has the focus", async () => {
    const visitor = await site.visitor();
    await visitor.page.getByRole("button", { name: "Paint it" }).click();
    await eventually(() => problem(visitor, "Your picture").textContent()).toBe("Choose a picture to paint.");
    await eventually(() => problem(visitor, "Style").textContent()).toBe("Choose a style.");
    await hasFocus(visitor, "Choose a picture");
  });

  it("a style that went away meanwhile is said at the styles", async () => {
    const visitor = await site.visitor();
    await visitor.fill({ picture: await photo(), style: "Repeats" });
    const style = join(site.folder, "objects/style/repeats.jpg");
    await rename(style, `${site.folder}/repeats.jpg`);
    await visitor.page.getByRole("button", { name: "Paint it" }).click();
    await eventually(() => problem(visitor, "Style").textContent()).toMatch(/not there any more/);
    await rename(`${site.folder}/repeats.jpg`, style);
    await visitor.page.getByRole("button", { name: "Paint it" }).click();
    await visitor.heading("Painted in the style of Repeats").waitFor();
  });

  it("the connection is lost during an upload: it waits, and goes on", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    visitor.expects(...brokenConnections);
    const picture: PictureFile = {
      name: "large.png",
      mimeType: "image/png",
      buffer: await noise(800, 600),
    };
    const devtools = await visitor.context.newCDPSession(page);
    const network = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
    await devtools.send("Network.emulateNetworkConditions", network); // bytes a second
    await visitor.paint({ picture, style: "Works" });
    const upload = page.getByRole("progressbar", { name: "Upload" });
    await eventually(() => upload.getAttribute("value").then(Number)).toBeGreaterThan(0);
    await site.gateway.kill();
    await page.getByText("Waiting for a connection").waitFor();
    await devtools.send("Network.emulateNetworkConditions", { ...network, uploadThroughput: -1 });
    await site.startGateway();
    await visitor.heading("Painted in the style of Works").waitFor();
    await page.getByRole("link", { name: "Yours" }).click();
    expect(await page.getByRole("listitem").count()).toBe(1);
  });

  it("an upload may be stopped", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    const devtools = await visitor.context.newCDPSession(page);
    const network = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 50_000 };
    await devtools.send("Network.emulateNetworkConditions", network);
    const buffer = await noise(800, 600);
    await visitor.paint({ picture: { name: "large.png", mimeType: "image/png", buffer }, style: "Works" });
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Paint it" }).waitFor();
    expect(visitor.page.url()).toMatch(/#\/$/);
  });

  it("styles that can't be listed are said to be so, and are listed when asked again", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    let isFailing = true;
    await page.routeWebSocket(/socket\.io/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        const id = /^42(\d+)\["LIST_STYLES"/.exec(String(message))?.[1];
        if (id === undefined || !isFailing) server.send(message);
        else socket.send(`43${id}[{"error":{"code":"internal","message":"No."}}]`);
      });
    });
    await page.reload();
    const alert = page.getByRole("group", { name: "Style" }).getByRole("alert").last();
    await eventually(() => alert.textContent()).toBe("The styles could not be loaded.");
    isFailing = false;
    await page.getByRole("button", { name: "Load styles again" }).click();
    await page.getByRole("radio", { name: "Works" }).waitFor();
  });
});

describe.skipIf(chromiumMissing)(`with a limit of jobs, ${inChromium}`, () => {
  const site = new BrowserSite({ flags: ["--jobs-per-day", "1"] });

  it("the last picture of the day: said beside the button, which has the focus", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    const paint = page.getByRole("button", { name: "Paint it" });
    await visitor.paint({ picture: await photo(), style: "Works" });
    await visitor.heading("Painted in the style of Works").waitFor();
    await page.getByRole("link", { name: "New picture" }).click();
    await paint.click();
    await page
      .getByText("That was the last picture for today. You can start the next one in about 24 hours.")
      .waitFor();
    expect(await paint.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.getByRole("img", { name: "To be painted" }).waitFor(); // nothing is lost
  });
});

function blank(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: "teal" } })
    .jpeg()
    .toBuffer();
}

/** A PNG file that does not get small. */
function noise(width: number, height: number): Promise<Buffer> {
  const bytes = Buffer.alloc(width * height * 3);
  for (let i = 0, state = 1; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
