/** The scripts, with commands in place of `aws` and `docker` that write down what they are asked. */
import { spawn, spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isStyleName } from "../protocol/protocol.ts";

interface Rule {
  readonly match: string;
  readonly out?: string;
  readonly err?: string;
  readonly status?: number;
  readonly times?: number;
  readonly file?: string;
}

const scripts = fileURLToPath(new URL("./", import.meta.url));
const stackMissing: Rule = { match: "describe-stacks", err: "Stack with id x does not exist", status: 254 };
const account: Rule = { match: "get-caller-identity", out: "123456789012\n" };
const sha = (digit: string) => `sha256:${digit.repeat(64)}`;
const image = (name: string, digit: string) =>
  `123456789012.dkr.ecr.eu-west-1.amazonaws.com/${name}@${sha(digit)}`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-scripts-"));
  await mkdir(join(folder, "bin"));
  for (const name of ["aws", "docker"]) {
    await copyFile(join(scripts, "testing-aws-command.mjs"), join(folder, "bin", name));
    await chmod(join(folder, "bin", name), 0o755);
  }
  await writeFile(
    join(folder, "parameters.env"),
    "# one\nAWS_REGION=eu-west-1\nMonthlyBudget=77\nInstanceTypes=g5.xlarge,g6.xlarge\n",
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a script to its end; nobody sits at its terminal. */
async function run(script: string, args: readonly string[], rules: readonly Rule[] = []) {
  await writeFile(join(folder, "rules.json"), JSON.stringify([account, ...rules]));
  await writeFile(join(folder, "log"), "");
  const env = {
    ...process.env,
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    LOG: join(folder, "log"),
    RULES: join(folder, "rules.json"),
    STYLIZE_POLL_SECONDS: "0",
  };
  const child = spawn(join(scripts, script), [...args, "--parameters", join(folder, "parameters.env")], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const log = await readFile(join(folder, "log"), "utf8");
  const calls = log
    .split("\n")
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as string[]).join(" "));
  const changes = calls.filter(
    (call) =>
      !/ wait | describe-/.test(call) && /create|execute|delete|put-object|modify|s3 cp|buildx/.test(call),
  );
  return { status, out, err, calls, changes };
}

/** Answers of an account in which the registry is there and a change goes well. */
const deployed: readonly Rule[] = [
  { match: "describe-managed-prefix-lists", out: "pl-12345678\n" },
  { match: "OutputKey=='TemplateBucketName'", out: "templates\n" },
  {
    match: "OutputKey=='GatewayRepositoryUri'",
    out: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/stylize-gateway\n",
  },
  {
    match: "OutputKey=='WorkerRepositoryUri'",
    out: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/stylize-worker\n",
  },
  { match: "OutputKey=='Url'", out: "https://paint.example.org\n" },
  { match: "ParameterKey=='GatewayImage'", out: `${image("stylize-gateway", "2")}\n` },
  { match: "ParameterKey=='WorkerImage'", out: `${image("stylize-worker", "2")}\n` },
  { match: "Stacks[0].StackStatus", out: "UPDATE_COMPLETE\n" },
  { match: "[Status, StatusReason]", out: "CREATE_COMPLETE\tNone\n" },
  { match: "Changes[].ResourceChange", out: "Modify\tTrue\tAWS::S3::Bucket\tBucket\tNone\n" },
  { match: "StackEvents[0].Timestamp", out: "2026-01-01T00:00:00Z\n" },
];

describe("all scripts", () => {
  const names = ["deploy.sh", "destroy.sh", "styles.sh", "smoke.sh"];

  it.each(names)("%s explains itself and what its statuses mean", async (name) => {
    const { status, out } = await run(name, ["--help"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^Usage: \.aws\/.*exit status\n {2}0 {2}done/s);
  });

  it.each(names)("%s refuses what it does not know, in one sentence", async (name) => {
    for (const wrong of [["--nothing"], ["nowhere"], []]) {
      const { status, err, calls } = await run(name, wrong);
      expect([status, err]).toEqual([2, expect.stringMatching(/^error: Expected .*\n$/)]);
      expect(calls).toEqual([]);
    }
  });

  it.each([["deploy.sh"], ["deploy.sh", "--rollback"], ["destroy.sh"], ["styles.sh", "."], ["smoke.sh"]])(
    "%s runs nothing with --print (%j)",
    async (name, ...more) => {
      const pictures = join(folder, "pictures");
      await mkdir(pictures);
      await copyFile(join(scripts, "../examples/auvers.jpg"), join(pictures, "auvers.jpg"));
      const rest = more.map((argument) => (argument === "." ? pictures : argument));
      const { status, out, calls } = await run(name, ["development", ...rest, "--print"]);
      expect(status).toBe(0);
      expect(out).toContain("+ aws ");
      expect(calls).toEqual([]);
    },
  );

  it.skipIf(spawnSync("shellcheck", ["--version"]).error !== undefined)("satisfy shellcheck", async () => {
    const files = (await readdir(scripts)).filter((name) => name.endsWith(".sh"));
    const { stdout, status } = spawnSync("shellcheck", ["--external-sources", ...files], {
      cwd: scripts,
      encoding: "utf8",
    });
    expect([stdout, status]).toEqual(["", 0]);
  });
});

describe("parameters", () => {
  it.each([
    ["Environment=testing", "deploy.sh finds it out"],
    ["Nonsense=1", "Expected a parameter of root.yaml in line 1"],
    ["no equals sign", "Expected NAME=VALUE in line 1"],
    ['DomainName="a.example"', "without quotes"],
    ["Project=$(touch pwned)\\", "without quotes and backslashes"],
  ])("refuses %s", async (line, sentence) => {
    await writeFile(join(folder, "parameters.env"), `${line}\n`);
    const { status, err, calls } = await run("deploy.sh", ["development"]);
    expect([status, err, calls]).toEqual([2, expect.stringContaining(sentence), []]);
  });
});

describe("deploy.sh", () => {
  it("makes registry, images, stack in this order, and names images by digest", async () => {
    const { status, err, changes } = await run(
      "deploy.sh",
      ["development", "--yes"],
      [
        { match: "describe-images", status: 254, err: "ImageNotFoundException", times: 1 },
        { match: "describe-images", out: `${sha("1")}\n` },
        ...deployed,
      ],
    );
    expect([status, err]).toEqual([0, ""]);
    const steps = changes.map((call) =>
      /(create-change-set|execute-change-set) --stack-name (\S+)|buildx build.*(gateway|worker)\.Dockerfile|s3 cp/
        .exec(call)
        ?.slice(1)
        .filter(Boolean)
        .join(" "),
    );
    expect(steps).toEqual([
      "create-change-set stylize-registry",
      "execute-change-set stylize-registry",
      "gateway",
      "create-change-set stylize-development",
      "execute-change-set stylize-development",
      "",
    ]);
    const root = changes.find((call) => call.includes("create-change-set --stack-name stylize-development"));
    for (const name of ["gateway", "worker"]) expect(root).toContain(image(`stylize-${name}`, "1"));
    expect(root).toContain('{"ParameterKey": "InstanceTypes", "ParameterValue": "g5.xlarge,g6.xlarge"}');
  });

  it("shows what would be replaced, and changes nothing when nobody can be asked", async () => {
    const { status, out, err, changes } = await run("deploy.sh", ["development"], deployed);
    expect([status, err]).toEqual([6, "error: Expected --yes where nobody can be asked.\n"]);
    expect(out).toContain("REPLACE  AWS::S3::Bucket Bucket");
    expect(changes.filter((call) => call.includes("execute"))).toEqual([]);
  });

  it("says that nothing changes, and goes on", async () => {
    const nothing: Rule = {
      match: "[Status, StatusReason]",
      out: "FAILED\tThe submitted information didn't contain changes.\n",
    };
    const { status, out, changes } = await run(
      "deploy.sh",
      ["development", "--yes", "--images-of", "testing"],
      [nothing, ...deployed],
    );
    expect(status).toBe(0);
    expect(out.match(/Nothing changes\./g)).toHaveLength(2);
    expect(changes.filter((call) => call.includes("execute"))).toEqual([]);
  });

  it("shows events that failed and what became of the stack", async () => {
    const { status, out, err } = await run(
      "deploy.sh",
      ["development", "--yes", "--images-of", "testing"],
      [
        { match: "Stacks[0].StackStatus", out: "CREATE_COMPLETE\n", times: 3 },
        { match: "Stacks[0].StackStatus", out: "UPDATE_ROLLBACK_COMPLETE\n" },
        {
          match: "[StackName, LogicalResourceId",
          out: "stylize-development\tRedis\tAWS::ElastiCache::ReplicationGroup\tNo such node type\n",
        },
        ...deployed,
      ],
    );
    expect(status).toBe(5);
    expect(out).toContain(
      "stylize-development / Redis (AWS::ElastiCache::ReplicationGroup): No such node type",
    );
    expect(err).toContain("it is again as it was before");
  });

  it("goes back to the newest release with other images, and changes nothing else", async () => {
    const { status, changes } = await run(
      "deploy.sh",
      ["development", "--rollback", "--yes"],
      [
        {
          match: "s3 cp --only-show-errors s3://",
          file: `GatewayImage=${image("stylize-gateway", "1")}\nWorkerImage=${image("stylize-worker", "1")}\n`,
        },
        { match: "Contents[].[Key]", out: "releases/stylize-development/2026-01-01T00-00-00Z.env\n" },
        { match: "Parameters[].[ParameterKey]", out: "GatewayImage\nWorkerImage\nMaxSize\n" },
        ...deployed,
      ],
    );
    expect(status).toBe(0);
    const [, create = "", execute] = changes;
    expect(create).toContain("--use-previous-template");
    expect(create).toContain(`ParameterKey=GatewayImage,ParameterValue=${image("stylize-gateway", "1")}`);
    expect(create).toContain(`ParameterKey=WorkerImage,ParameterValue=${image("stylize-worker", "1")}`);
    expect(create).toContain("ParameterKey=MaxSize,UsePreviousValue=true");
    expect(execute).toContain("execute-change-set --stack-name stylize-development");
  });

  it("knows no release before the first", async () => {
    const { status, err, changes } = await run("deploy.sh", ["development", "--rollback", "--yes"], deployed);
    expect([status, changes]).toEqual([2, []]);
    expect(err).toContain("Expected a release of 'stylize-development' before this one");
  });
});

describe("destroy.sh", () => {
  it("refuses production without its name typed", async () => {
    const { status, err, changes } = await run("destroy.sh", ["production", "--yes"], deployed);
    expect([status, err]).toEqual([
      6,
      expect.stringContaining("on which the name 'stylize-production' is typed"),
    ]);
    expect(changes).toEqual([]);
  });

  it("says what stays, takes the protection off, deletes, and removes the group that CloudFront left", async () => {
    const { status, out, changes } = await run(
      "destroy.sh",
      ["development", "--yes"],
      [
        { match: "Stacks[0].StackStatus", out: "CREATE_COMPLETE\n", times: 1 },
        { match: "Stacks[0].StackStatus", out: "DELETE_FAILED\n", times: 1 },
        { match: "--logical-resource-id LoadBalancer", out: "arn:balancer\n" },
        { match: "--logical-resource-id Bucket", out: "the-bucket\n" },
        { match: "--logical-resource-id Vpc", out: "vpc-1\n" },
        { match: "describe-stack-resource ", out: "arn:nested\n" },
        { match: "describe-security-groups", out: "sg-1\n" },
        stackMissing,
      ],
    );
    expect(status).toBe(0);
    expect(out).toMatch(/What stays.*Bucket: the-bucket.*snapshot of Redis/s);
    expect(changes.map((call) => call.split(" ").slice(2, 3).join())).toEqual([
      "modify-load-balancer-attributes",
      "delete-stack",
      "delete-security-group",
      "delete-stack",
    ]);
  });

  it("does nothing where there is no stack", async () => {
    const { status, changes } = await run("destroy.sh", ["development", "--yes"], [stackMissing]);
    expect([status, changes]).toEqual([0, []]);
  });
});

describe("styles.sh", () => {
  const there: Rule = { match: "OutputKey=='BucketName'", out: "pictures\n" };
  const upload = (present: string) =>
    run(
      "styles.sh",
      ["development", join(folder, "styles"), "--yes"],
      [
        there,
        { match: "list-objects-v2", out: present },
        { match: "Stacks[0].StackStatus", out: "CREATE_COMPLETE\n" },
      ],
    );
  beforeEach(() => mkdir(join(folder, "styles")));
  const put = (name: string, bytes: string | Uint8Array) => writeFile(join(folder, "styles", name), bytes);
  const jpeg = Buffer.from("ffd8ffe000104a46494600", "hex");

  it.each([
    "a.jpg",
    "With space_1-2.jpeg",
    ".hidden.jpg",
    "-a.jpg",
    "a.JPG",
    "a.gif",
    "ä.jpg",
    "a.b.jpg",
    `${"a".repeat(64)}.jpg`,
    `${"a".repeat(65)}.jpg`,
  ])("takes the name %s if the gateway does", async (name) => {
    await put(name, jpeg);
    const hidden = name.startsWith(".");
    const { status, changes } = await upload("");
    expect(status).toBe(isStyleName(name) ? 0 : 2);
    expect(changes.length).toBe(status === 0 && !hidden ? 1 : 0);
  });

  it("refuses a file that is not what its name says, and then uploads nothing", async () => {
    await put("good.jpg", jpeg);
    await put("bad.png", jpeg);
    const { status, err, changes } = await upload("");
    expect([status, changes]).toEqual([2, []]);
    expect(err).toContain("Expected 'bad.png' to be image/png but it is image/jpeg.");
  });

  it("leaves what is the same, and deletes nothing unasked", async () => {
    await put("same.jpg", jpeg);
    await put("new.jpg", Buffer.concat([jpeg, jpeg]));
    const { createHash } = await import("node:crypto");
    const etag = createHash("md5").update(jpeg).digest("hex");
    const { out, changes } = await upload(`style/same.jpg\t"${etag}"\nstyle/other.jpg\t"0"\n`);
    expect(changes).toEqual([
      expect.stringMatching(
        /put-object --bucket pictures --key style\/new\.jpg .*--content-type image\/jpeg/,
      ),
    ]);
    expect(out).toContain("They stay; --delete-missing deletes them.");
  });
});
