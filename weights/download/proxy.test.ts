import { describe, expect, it } from "vitest";
import type { Environment } from "./cache.ts";
import { proxyFor } from "./connection.ts";

const https = new URL("https://files.example.org/net.pth");
const http = new URL("http://files.example.org/net.pth");
const proxy = "http://proxy:3128";

describe("proxyFor", () => {
  it.each<[URL, Environment, string | undefined]>([
    [https, {}, undefined],
    [https, { https_proxy: proxy }, `${proxy}/`],
    [https, { HTTPS_PROXY: proxy }, `${proxy}/`],
    [https, { https_proxy: proxy, HTTPS_PROXY: "http://other" }, `${proxy}/`],
    [https, { https_proxy: "", HTTPS_PROXY: proxy }, undefined],
    [https, { http_proxy: proxy }, undefined],
    [http, { http_proxy: proxy }, `${proxy}/`],
    [http, { HTTP_PROXY: proxy }, `${proxy}/`],
    [https, { https_proxy: "proxy:3128" }, `${proxy}/`],
    [https, { https_proxy: "https://u:p@proxy" }, "https://u:p@proxy/"],
  ])("%s with %j", (url, env, expected) => {
    expect(proxyFor(url, env)?.href).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ["https://files.example.org", "files.example.org", false],
    ["https://files.example.org", "example.org", false],
    ["https://files.example.org", ".example.org", false],
    ["https://files.example.org", "*.example.org", false],
    ["https://files.example.org", "FILES.example.ORG", false],
    ["https://files.example.org", "a.example, example.org", false],
    ["https://files.example.org", "a.example example.org", false],
    ["https://files.example.org", "*", false],
    ["https://files.example.org", "example.org:443", false],
    ["https://files.example.org", "example.org:8443", true],
    ["https://files.example.org:8443", "example.org:8443", false],
    ["https://files.example.org", "le.org", true],
    ["https://files.example.org", "", true],
    ["https://files.example.org", ",", true],
    ["https://127.0.0.1", "127.0.0.1", false],
    ["https://[::1]", "::1", false],
    ["https://[::1]", "[::1]", false],
    ["https://[::1]:8443", "[::1]:8443", false],
    ["https://[::1]", "[::1]:8443", true],
  ])("%s with no_proxy '%s'", (url, list, isProxied) => {
    expect(proxyFor(new URL(url), { https_proxy: proxy, no_proxy: list }) !== undefined).toBe(isProxied);
    expect(proxyFor(new URL(url), { https_proxy: proxy, NO_PROXY: list }) !== undefined).toBe(isProxied);
  });

  it.each([
    ["socks5://u:secret@proxy:1080", "one that begins with 'socks5://'"],
    ["http://a b:secret", "something else"],
  ])("refuses %s without repeating it", (value, received) => {
    const message = `Expected https_proxy to be an http:// or https:// address but received ${received}.`;
    expect(() => proxyFor(https, { https_proxy: value })).toThrow(
      expect.objectContaining({ code: "bad-option", message }),
    );
  });
});
