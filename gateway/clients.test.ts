import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { addressOf, createClients, isAllowedOrigin } from "./clients.ts";
import { readConfig } from "./config.ts";

const from = (address: string, forwarded?: string | string[]) =>
  ({
    socket: { remoteAddress: address },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as Parameters<typeof addressOf>[0];

describe("addressOf", () => {
  it("believes as many entries as there are proxies", () => {
    expect(addressOf(from("10.0.0.1", "6.6.6.6, 203.0.113.9"), 0)).toBe("10.0.0.1");
    expect(addressOf(from("10.0.0.1", "6.6.6.6, 203.0.113.9"), 1)).toBe("203.0.113.9");
    expect(addressOf(from("10.0.0.1", ["6.6.6.6, 203.0.113.9", "10.0.0.2"]), 2)).toBe("203.0.113.9");
    expect(addressOf(from("10.0.0.1"), 1)).toBe("10.0.0.1");
  });
});

describe("isAllowedOrigin", () => {
  const allowed = ["https://app.example.org"];
  it.each([
    [undefined, true],
    ["https://app.example.org", true],
    ["http://gateway.example.org:3000", true],
    ["https://evil.example.org", false],
    ["https://app.example.org.evil.org", false],
    ["null", false],
  ])("%s: %s", (origin, expected) => {
    const headers = { host: "gateway.example.org:3000", ...(origin === undefined ? {} : { origin }) };
    expect(isAllowedOrigin({ headers }, allowed)).toBe(expected);
  });
});

describe("createClients", () => {
  const secret = "k".repeat(32);
  const later = () => Math.floor(Date.now() / 1000) + 60;
  const config = (...argv: string[]) => readConfig(argv, {}).config;

  it("names clients by their address, without telling it", async () => {
    const clients = await createClients(config(), secret);
    const name = await clients.identify("203.0.113.9", undefined);
    expect(name).not.toContain("203");
    expect(await clients.identify("203.0.113.9", "whatever")).toBe(name);
    expect(await clients.identify("203.0.113.8", undefined)).not.toBe(name);
  });

  it("with a shared key, by the subject of a token, and lets nobody in without one", async () => {
    const clients = await createClients(config("--jwt-secret", "j".repeat(32)), secret);
    const key = new TextEncoder().encode("j".repeat(32));
    const token = (subject: string | undefined, expires: number | undefined, by = key) => {
      const jwt = new SignJWT({}).setProtectedHeader({ alg: "HS256" });
      if (subject !== undefined) jwt.setSubject(subject);
      if (expires !== undefined) jwt.setExpirationTime(expires);
      return jwt.sign(by);
    };
    const name = await clients.identify("1.1.1.1", await token("anna", later()));
    expect(await clients.identify("2.2.2.2", await token("anna", later()))).toBe(name);
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"anna","exp":9999999999}')}.`;
    for (const wrong of [
      undefined,
      7,
      "x",
      unsigned,
      await token(undefined, later()),
      await token("anna", undefined),
      await token("anna", later() - 3600),
      await token("anna", later(), new TextEncoder().encode("other".repeat(8))),
    ])
      await expect(clients.identify("1.1.1.1", wrong)).rejects.toMatchObject({ code: "unauthorized" });
  });

  it.each(["RS256", "ES256", "EdDSA"])("with a public key, by tokens of %s", async (algorithm) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const clients = await createClients(config(`--jwt-public-key=${await exportSPKI(publicKey)}`), secret);
    const sign = new SignJWT({})
      .setProtectedHeader({ alg: algorithm })
      .setSubject("anna")
      .setExpirationTime(later());
    expect(await clients.identify("1.1.1.1", await sign.sign(privateKey))).toHaveLength(22);
    const confused = new SignJWT({})
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("anna")
      .setExpirationTime(later());
    const forged = await confused.sign(new TextEncoder().encode(await exportSPKI(publicKey)));
    await expect(clients.identify("1.1.1.1", forged)).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("refuses a key that is none when it starts", async () => {
    await expect(createClients(config("--jwt-public-key", "no key"), secret)).rejects.toThrow();
  });
});
