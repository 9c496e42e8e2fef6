/** What can go wrong between us and a mirror, in words. */

/** A mirror did not give the file. The message continues "Expected FILE from HOST but ...". */
export class MirrorFailure extends Error {
  /** More of the file is there than before: to ask again may bring the rest. */
  readonly gained: boolean;

  constructor(clause: string, options: { gained?: boolean; cause?: unknown } = {}) {
    super(clause, { cause: options.cause });
    this.gained = options.gained ?? false;
  }
}

/** A body that did not come to its end. */
export class BrokenOff extends MirrorFailure {}

/** The server sends only whole files. */
export class WholeOnly extends MirrorFailure {}

const byCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  UND_ERR_SOCKET: "the connection closed",
  ENOTFOUND: "its name could not be resolved (DNS)",
  EAI_AGAIN: "its name could not be resolved (DNS)",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no network",
  ETIMEDOUT: "the connection timed out",
  EPROTO: "the secure connection failed",
};

/** The failure that an error of a request, of a connection or of a body stands for. */
export function mirrorFailure(cause: unknown): MirrorFailure {
  if (cause instanceof MirrorFailure) return cause;
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new MirrorFailure(byCode[code] ?? byFamily(code, message) ?? `the request failed: ${message}`, {
    cause,
  });
}

function byFamily(code: string, message: string): string | undefined {
  if (code.startsWith("HPE_")) return "received something other than HTTP";
  if (code.startsWith("ERR_SSL")) return "the secure connection failed: it does not speak TLS as expected";
  if (/CERT|SIGNATURE|^ERR_TLS/.test(code)) {
    return `its certificate was not accepted: ${message} (NODE_EXTRA_CA_CERTS names a file of further authorities)`;
  }
  return undefined;
}

const statusTexts: Readonly<Record<number, string>> = {
  401: "it wants a password",
  403: "access is forbidden",
  404: "there is no such file",
  407: "a proxy wants a user name and a password",
  410: "the file is gone",
  429: "too many requests",
  451: "it is blocked for legal reasons",
  511: "the network wants a login",
};

/** For a status that is no answer; `wait` in ms, where the server says when to come back. */
export function refusal(status: number, wait?: number): MirrorFailure {
  const text =
    statusTexts[status] ??
    (status >= 500 ? "the server has a problem" : "which is no answer to such a request");
  const again =
    wait === undefined ? "" : `; it may answer again in ${seconds(Math.round(wait / 1000) * 1000)}`;
  return new MirrorFailure(`received status ${status}: ${text}${again}`);
}

/** 30000 -> "30 s", 50 -> "0.05 s". */
export function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
