/** What is S3's own: forms, addresses, and servers that stall, fail or aren't there. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { S3ObjectStore } from "./s3-object-store.ts";
import { hasMoto, startFauxqs, startMoto } from "./testing/s3.ts";

const png = { contentType: "image/png" };
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const aws = { bucket: "pictures", region: "eu-west-1", credentials };
const picture = Buffer.from("picture");

/** A server that answers as it is told, and a store that has it for S3. */
async function startS3(answer: RequestListener, seconds = 1.2) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*/, "")}`);
    answer(request.resume(), response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispose = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return {
    store: new S3ObjectStore({ ...aws, endpoint, seconds }),
    requests,
    [Symbol.asyncDispose]: dispose,
  };
}

const fails =
  (status: number, code = "Failure"): RequestListener =>
  (_, response) => {
    response.writeHead(status, { "Content-Type": "application/xml" });
    response.end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
  };

describe("S3 that does not do what it is asked", () => {
  it("is tried three times when it never answers, and then given up", async () => {
    await using s3 = await startS3(() => {});
    await expect(s3.store.get("public/a.png")).rejects.toMatchObject({
      name: "StoreError",
      retryable: true,
      message: expect.stringMatching(/^Expected to read 'public\/a\.png' in bucket 'pictures' but received /),
    });
    expect(s3.requests).toHaveLength(3);
  });

  it("is given up when it stalls within an object", async () => {
    await using s3 = await startS3((_, response) => {
      response.writeHead(200, { "Content-Length": 100 }).write("half");
    });
    await expect(s3.store.get("public/a.png")).rejects.toMatchObject({ name: "StoreError", retryable: true });
  });

  it("is given up when it breaks off within an object", async () => {
    await using s3 = await startS3((_, response) => {
      response.writeHead(200, { "Content-Length": 100 }).write("half", () => response.destroy());
    });
    await expect(s3.store.get("public/a.png")).rejects.toMatchObject({ name: "StoreError", retryable: true });
  });

  it("is tried again after an error of its own", async () => {
    let left = 2;
    await using s3 = await startS3((request, response) => {
      if (left-- > 0) fails(503, "SlowDown")(request, response);
      else response.writeHead(200).end();
    }, 10);
    expect(await s3.store.put("public/a.png", picture, png)).toBe(true);
    expect(s3.requests).toHaveLength(3);
  });

  it.each([
    [500, "InternalError", true],
    [503, "ServiceUnavailable", true],
    [403, "AccessDenied", false],
    [404, "NoSuchBucket", false],
    [400, "InvalidRequest", false],
  ])("says %i %s in the StoreError, and whether it may pass", async (status, code, retryable) => {
    await using s3 = await startS3(fails(status, code), 10);
    const expected = { name: "StoreError", retryable, message: expect.stringContaining(code) };
    await expect(s3.store.get("public/a.png")).rejects.toMatchObject(expected);
    await expect(s3.store.put("public/a.png", picture, png)).rejects.toMatchObject(expected);
    await expect(s3.store.copy("public/a.png", "public/b.png")).rejects.toMatchObject(expected);
    await expect(s3.store.list("public/", { limit: 1 })).rejects.toMatchObject(expected);
  });

  it("is not there", async () => {
    const s3 = await startS3(() => {});
    await s3[Symbol.asyncDispose]();
    await expect(s3.store.check()).rejects.toMatchObject({ name: "StoreError", retryable: true });
  });

  it("has no such bucket", async () => {
    await using fauxqs = await startFauxqs();
    const store = new S3ObjectStore({ ...fauxqs, bucket: "missing" });
    await expect(store.check()).rejects.toMatchObject({ name: "StoreError", retryable: false });
    await expect(store.get("public/a.png")).rejects.toMatchObject({ name: "StoreError", retryable: false });
  });
});

describe("S3's ifAbsent", () => {
  /** Another writer is faster: nothing is there at first, the write meets `status`, then `found` is there. */
  const race = (status: number, found: number) => {
    let heads = 0;
    const answer: RequestListener = (request, response) => {
      if (request.method === "HEAD") response.writeHead(heads++ === 0 ? 404 : found).end();
      else if (request.headers["if-none-match"] === "*") fails(status)(request, response);
      else response.writeHead(200).end();
    };
    return startS3(answer, 10);
  };

  it.each([412, 409])("is false where another was faster (%i)", async (status) => {
    await using s3 = await race(status, 200);
    expect(await s3.store.put("public/a.png", picture, { ...png, ifAbsent: true })).toBe(false);
    expect(s3.requests.map((line) => line.split(" ")[0])).toEqual(["HEAD", "PUT", "HEAD"]);
  });

  it("is for another time where a removal came in between", async () => {
    await using s3 = await race(409, 404);
    await expect(s3.store.put("public/a.png", picture, { ...png, ifAbsent: true })).rejects.toMatchObject({
      name: "StoreError",
      retryable: true,
    });
  });
});

describe("S3's addresses", () => {
  it("are those of CloudFront, of a stand-in or of the bucket", () => {
    const urlOf = (options: object) => new S3ObjectStore({ ...aws, ...options }).publicUrl("style/A b.jpg");
    expect(urlOf({ publicBase: "https://pictures.test/" })).toBe("https://pictures.test/style/A%20b.jpg");
    expect(urlOf({ endpoint: "http://127.0.0.1:1/" })).toBe("http://127.0.0.1:1/pictures/style/A%20b.jpg");
    expect(urlOf({})).toBe("https://pictures.s3.eu-west-1.amazonaws.com/style/A%20b.jpg");
    expect(urlOf({ region: undefined })).toBe("https://pictures.s3.amazonaws.com/style/A%20b.jpg");
  });

  it("are signed for so long, this key and this bucket", async () => {
    const url = new URL(await new S3ObjectStore(aws).presign("private/output/a.png", 300));
    expect(url.origin + url.pathname).toBe(
      "https://pictures.s3.eu-west-1.amazonaws.com/private/output/a.png",
    );
    const query = Object.fromEntries(url.searchParams);
    expect(query).toMatchObject({
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Expires": "300",
      "X-Amz-SignedHeaders": "host",
      "response-cache-control": "private, no-store",
    });
    expect(query["X-Amz-Credential"]).toMatch(/^test\/\d{8}\/eu-west-1\/s3\/aws4_request$/);
  });
});

describe("S3's upload form", () => {
  const options = { contentType: "image/png", maxBytes: 1000, seconds: 60 };
  const key = "private/upload/u.png";

  it("permits this key, this type and no more than so many bytes", async () => {
    const { url, fields } = await new S3ObjectStore(aws).presignUpload(key, options);
    expect(url).toBe("https://pictures.s3.eu-west-1.amazonaws.com/");
    expect(fields).toMatchObject({ key, "Content-Type": "image/png" });
    const policy = JSON.parse(Buffer.from(fields.Policy!, "base64").toString());
    expect(policy.conditions).toEqual(
      expect.arrayContaining([
        { key },
        { bucket: "pictures" },
        ["content-length-range", 1, 1000],
        ["eq", "$Content-Type", "image/png"],
      ]),
    );
    const seconds = (Date.parse(policy.expiration) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThan(61);
  });

  it.runIf(hasMoto())("is taken with its file", async () => {
    await using moto = await startMoto("pictures");
    const store = new S3ObjectStore({ ...moto, bucket: "pictures" });
    const { url, fields } = await store.presignUpload(key, options);
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", new File(["picture"], "mine.png", { type: "image/png" }));
    expect((await fetch(url, { method: "POST", body: form })).status).toBe(204);
    expect(Buffer.from((await store.get(key))!.body).toString()).toBe("picture");
  });
});
