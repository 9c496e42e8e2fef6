import { describe, expect, test } from "vitest";
import {
  backportsSource,
  decide,
  driverSteps,
  familyOf,
  isBookworm,
  manualAdvice,
  parseOsRelease,
  shellLine,
} from "./system.mjs";

const bookworm = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`;

function system(change: Partial<Parameters<typeof driverSteps>[0]> = {}) {
  return {
    platform: "linux",
    family: "debian" as const,
    name: "Debian GNU/Linux 13 (trixie)",
    bookworm: false,
    apt: true,
    root: true,
    sudo: false,
    sources: "",
    ...change,
  };
}

const asks = { yes: false, terminal: true };
const alone = { yes: false, terminal: false };

describe("os-release", () => {
  test("reads bare, double- and single-quoted values, and skips comments", () => {
    const text = '# a comment\nID=fedora\nNAME=\'Fedora Linux\'\nPRETTY_NAME="A \\"B\\" \\$C"\n\nnonsense\n';
    expect(parseOsRelease(text)).toEqual({ ID: "fedora", NAME: "Fedora Linux", PRETTY_NAME: 'A "B" $C' });
  });

  test.each([
    ["ID=debian", "debian"],
    ['ID=ubuntu\nID_LIKE="debian"', "debian"],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"', "debian"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"', "fedora"],
    ["ID=manjaro\nID_LIKE=arch", "arch"],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"', "suse"],
    ["ID=alpine", "alpine"],
    ["ID=nixos", "other"],
    ["", "other"],
  ])("%j is of the family %s", (text, family) => {
    expect(familyOf(parseOsRelease(text))).toBe(family);
  });

  test.each([
    [bookworm, true],
    ["ID=debian\nVERSION_CODENAME=trixie", false],
    ["ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=jammy", false],
    ["ID=linuxmint\nID_LIKE=debian\nVERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm", true],
  ])("%j: bookworm is %s", (text, expected) => {
    expect(isBookworm(parseOsRelease(text))).toBe(expected);
  });
});

describe("what to do without an adapter", () => {
  test("a terminal is asked, --yes and a script are not", () => {
    expect(decide(system(), "none", asks)).toBe("ask");
    expect(decide(system(), "none", { yes: true, terminal: true })).toBe("install");
    expect(decide(system(), "none", alone)).toBe("install");
    expect(decide(system({ root: false, sudo: true }), "none", alone)).toBe("install");
  });

  test("commands are printed without the right to install, without apt, and for a driver that crashes", () => {
    expect(decide(system({ root: false }), "none", { yes: true, terminal: true })).toBe("print");
    expect(decide(system({ family: "fedora", apt: false }), "none", alone)).toBe("print");
    expect(decide(system(), "crashed", alone)).toBe("print");
  });

  test("a system that can't load Dawn gets no driver", () => {
    expect(decide(system(), "unloadable", { yes: true, terminal: false })).toBe("unsupported");
    expect(manualAdvice(system({ name: "Alpine Linux 3.22" }), "unloadable")).toContain("Alpine Linux 3.22");
  });

  test.each([
    ["fedora", "sudo dnf install vulkan-loader mesa-vulkan-drivers"],
    ["arch", "sudo pacman -S vulkan-icd-loader vulkan-swrast"],
    ["debian", "sudo apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers"],
    ["alpine", "musl"],
  ] as const)("%s: %s", (family, expected) => {
    expect(manualAdvice(system({ family, root: false }), "none")).toContain(expected);
  });

  test("macOS and Windows are told what to check", () => {
    expect(manualAdvice(system({ platform: "darwin", family: "other" }), "none")).toContain("Metal");
    expect(manualAdvice(system({ platform: "win32", family: "other" }), "none")).toContain("Direct3D 12");
  });
});

describe("the driver's installation", () => {
  const sources =
    "http://mirror.example/debian/ bookworm main\nhttp://mirror.example/debian/ bookworm-updates main\n" +
    "http://mirror.example/debian-security/ bookworm-security main\n";

  test("uses a system's own packages, after reading the lists", () => {
    expect(driverSteps(system()).map((step) => shellLine(step, { root: true }))).toEqual([
      "apt-get update",
      "apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers",
    ]);
  });

  test("on Debian 12 enables backports first, in the machine's own mirror", () => {
    const steps = driverSteps(system({ bookworm: true, sources, keyring: "/keys.gpg" }));
    expect(steps.map((step) => shellLine(step, { root: false }))).toEqual([
      "echo 'deb [signed-by=/keys.gpg] http://mirror.example/debian bookworm-backports main' | " +
        "sudo tee /etc/apt/sources.list.d/stylize-bookworm-backports.list",
      "sudo apt-get update",
      "sudo apt-get install -y --no-install-recommends -t bookworm-backports libvulkan1 mesa-vulkan-drivers",
    ]);
  });

  test("leaves backports that are enabled alone", () => {
    const enabled = `${sources}http://elsewhere.example/debian/ bookworm-backports main\n`;
    expect(backportsSource({ sources: enabled })).toBeUndefined();
    expect(driverSteps(system({ bookworm: true, sources: enabled }))).toHaveLength(2);
  });

  test("falls back on Debian's own address", () => {
    expect(backportsSource({ sources: "" })).toBe("deb http://deb.debian.org/debian bookworm-backports main");
  });
});
