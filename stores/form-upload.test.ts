import { describe, expect, it } from "vitest";
import { boundaryOf, readUpload, UploadRefused } from "./form-upload.ts";

const policy = { contentType: "image/png", maxBytes: 1000 };
const disposition = 'Content-Disposition: form-data; name="file"; filename="a.png"';

function form({
  head = [disposition, "Content-Type: image/png"],
  data = "picture",
  end = "\r\n--B--\r\n",
} = {}) {
  return Buffer.from(`--B\r\n${head.join("\r\n")}\r\n\r\n${data}${end}`, "latin1");
}

async function* inPieces(body: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += length) yield body.subarray(at, at + length);
}

async function read(body: Buffer, length = body.length): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of readUpload(inPieces(body, length), "B", policy)) pieces.push(piece);
  return Buffer.concat(pieces).toString("latin1");
}

const refused = (body: Buffer, length?: number) =>
  read(body, length).then(
    () => "taken",
    (error: unknown) => (error instanceof UploadRefused ? error.status : error),
  );

describe("a form with one file", () => {
  it("is read whatever pieces it comes in", async () => {
    // Beginnings of the delimiter, and all but the whole of it, are part of the file.
    const data = "\r\n--\r\n-B\r\n--\r\n\r\n--C\0\r--B\n--B--\r\n-";
    const body = form({ data });
    for (let length = 1; length <= body.length; length++) expect(await read(body, length)).toBe(data);
  });

  it("is what the platform's own FormData makes", async () => {
    const data = new FormData();
    data.append("file", new File(["a\r\nb"], 'an "odd" näme.png', { type: "image/png" }));
    const response = new Response(data);
    const boundary = boundaryOf(response.headers.get("content-type")!);
    const body = Buffer.from(await response.arrayBuffer());
    const pieces: Buffer[] = [];
    for await (const piece of readUpload(inPieces(body, 7), boundary, policy)) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe("a\r\nb");
  });

  it("may be as large as its policy says and no larger", async () => {
    for (const length of [1, 64, 10_000]) {
      expect(await refused(form({ data: "x".repeat(1000) }), length)).toBe("taken");
      expect(await refused(form({ data: "x".repeat(1001) }), length)).toBe(413);
    }
  });

  it("stops at the limit, without waiting for the end", async () => {
    let sent = 0;
    async function* endless() {
      yield form({ end: "" });
      for (; ; sent++) yield Buffer.alloc(100);
    }
    const reading = async () => {
      for await (const _ of readUpload(endless(), "B", policy));
    };
    await expect(reading()).rejects.toMatchObject({ status: 413 });
    expect(sent).toBeLessThan(12);
  });

  it("stops at a head without an end", async () => {
    async function* endless() {
      for (;;) yield Buffer.from("--B\r\nX: ".padEnd(100, "x"));
    }
    const reading = async () => {
      for await (const _ of readUpload(endless(), "B", policy));
    };
    await expect(reading()).rejects.toMatchObject({ status: 400 });
  });

  const field = '--B\r\nContent-Disposition: form-data; name="key"\r\n\r\nprivate/x.png\r\n';
  const type = "Content-Type: image/png";
  it.each<[string, Buffer, number]>([
    ["nothing", Buffer.alloc(0), 400],
    ["an empty file", form({ data: "" }), 400],
    ["no end", form({ end: "" }), 400],
    ["half an end", form({ end: "\r\n--B" }), 400],
    ["a second file", Buffer.concat([form({ end: "\r\n" }), form()]), 400],
    ["something after its end", form({ end: "\r\n--B--\r\nmore" }), 400],
    ["something before its beginning", Buffer.concat([Buffer.from("preamble\r\n"), form()]), 400],
    ["a field before the file", Buffer.concat([Buffer.from(field), form()]), 400],
    ["another boundary", Buffer.from(form().toString().replaceAll("--B", "--C")), 400],
    ["another name", form({ head: [disposition.replace('"file"', '"other"'), type] }), 400],
    ["no file name", form({ head: ['Content-Disposition: form-data; name="file"', type] }), 400],
    ["two names", form({ head: [disposition, disposition, type] }), 400],
    ["a head that is too long", form({ head: [disposition, type, `X: ${"x".repeat(5000)}`] }), 400],
    ["no type", form({ head: [disposition] }), 415],
    ["two types", form({ head: [disposition, type, type] }), 415],
    ["another type", form({ head: [disposition, "Content-Type: image/svg+xml"] }), 415],
    ["a type with parameters", form({ head: [disposition, `${type}; charset=x`] }), 415],
  ])("is refused with %s", async (_, body, status) => {
    for (const length of [1, 5, 10_000]) expect(await refused(body, length)).toBe(status);
  });

  it("is refused where the connection breaks", async () => {
    async function* broken() {
      yield form({ end: "" });
      throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    }
    const reading = async () => {
      for await (const _ of readUpload(broken(), "B", policy));
    };
    await expect(reading()).rejects.toMatchObject({ status: 400, cause: { code: "ECONNRESET" } });
  });
});

describe("a boundary", () => {
  it.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['Multipart/Form-Data;boundary="a b"', "a b"],
  ])("is found in %s", (header, boundary) => expect(boundaryOf(header)).toBe(boundary));

  it.each([
    undefined,
    "",
    "image/png",
    "multipart/form-data",
    "multipart/mixed; boundary=a",
    "multipart/form-data; boundary=",
  ])("is missing in %s", (header) => expect(() => boundaryOf(header)).toThrow(UploadRefused));
});
