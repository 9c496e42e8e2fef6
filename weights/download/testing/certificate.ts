/** A key and a certificate for servers of tests, made anew each time: X.509 (RFC 5280) in as much DER as it takes. */
import { generateKeyPairSync, sign } from "node:crypto";

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const SEQUENCE = 0x30;
const sequence = (...parts: readonly Uint8Array[]) => der(SEQUENCE, ...parts);
const hex = (tag: number, digits: string) => der(tag, Buffer.from(digits, "hex"));
const text = (tag: number, characters: string) => der(tag, Buffer.from(characters));
const oid = (digits: string) => hex(0x06, digits);

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
const subjectAltName = oid("551d11");
const basicConstraints = oid("551d13");

/**
 * For `localhost` and 127.0.0.1, signed by itself; also an authority, so that a client can be told to trust it. In PEM.
 */
export function testCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const name = sequence(der(0x31, sequence(oid("550403"), text(0x0c, "localhost"))));
  const names = sequence(text(0x82, "localhost"), hex(0x87, "7f000001"));
  const authority = sequence(hex(0x01, "ff"));
  const body = sequence(
    hex(0xa0, "020102"), // version 3
    hex(0x02, "01"),
    ecdsaWithSha256,
    name,
    sequence(text(0x17, "200101000000Z"), text(0x17, "491231235959Z")),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        sequence(subjectAltName, der(0x04, names)),
        sequence(basicConstraints, hex(0x01, "ff"), der(0x04, authority)),
      ),
    ),
  );
  const signature = sign("sha256", body, privateKey);
  const certificate = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const lines = certificate.toString("base64").replace(/.{64}/g, "$&\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}
