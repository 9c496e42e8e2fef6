/**
 * `npx tsx .aws/cost.ts [NAME=VALUE...]`: what each environment costs, as the tables of docs/aws.md.
 *
 * Amounts come from the templates, prices from the table below; each can be given another value: `spotHour=0.30
 * secondsPerPicture=30`.
 */
import { fileURLToPath } from "node:url";
import { environments } from "./tests/parameters.ts";
import { countOf, readTemplate } from "./tests/templates.ts";

/**
 * US dollars in us-east-1, as they were known at the end of 2025, and amounts that are assumed. Check them before
 * relying on them.
 */
export const assumptions = {
  hoursPerMonth: [730, "hours of a month"],
  vcpuHour: [0.04048, "Fargate, one vCPU, an hour"],
  gigabyteHour: [0.004445, "Fargate, one GB, an hour"],
  loadBalancerHour: [0.0225, "load balancer, an hour"],
  capacityHour: [0.008, "load balancer, one unit of capacity (LCU), an hour; one is assumed"],
  natHour: [0.045, "NAT gateway, an hour"],
  addressHour: [0.005, "public IPv4 address, an hour"],
  endpointHour: [0.01, "interface endpoint, one zone, an hour"],
  "cache.t4g.micro": [0.0128, "Valkey node, an hour"],
  "cache.t4g.small": [0.0256, "Valkey node, an hour"],
  "cache.m7g.large": [0.1264, "Valkey node, an hour"],
  onDemandHour: [0.526, "g4dn.xlarge (one T4), an hour"],
  spotHour: [0.237, "the same on Spot, 45 % of it; it changes by the day"],
  diskHour: [0.0044, "its disk: 40 GB of gp3 at 0.08 a GB and month, an hour"],
  alarm: [0.1, "alarm, each metric that it reads, a month"],
  metric: [0.3, "metric of our own, a month"],
  dashboard: [3, "dashboard, a month"],
  logGigabyte: [0.5, "log, a GB taken in; 1 GB a month and gateway is assumed for all logs"],
  key: [1, "KMS key, a month"],
  secret: [0.4, "secret, a month"],
  insightsEnabled: [8, "Container Insights, a month: a guess"],
  insightsEnhanced: [12, "Container Insights, enhanced, a month: a guess"],
  secondsPerPicture: [
    75,
    "seconds of a machine for one picture of 1024 px: 60 of painting, 15 of starting; an estimate",
  ],
  startSeconds: [240, "seconds that a machine costs before it takes its first job; an estimate"],
  megabytesPerPicture: [8, "MB stored for one picture: input, result, preview, checkpoint"],
  storedGigabyte: [0.023, "S3, a GB and month"],
  viewsPerPicture: [3, "times that a result of 4 MB is fetched"],
  sentGigabyte: [0.085, "CloudFront, a GB; the first 1,000 a month are free"],
  requestsPerPicture: [0.0003, "S3, SQS, logs for one picture: 20 PUTs, 400 messages, 70 lines"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

type Name = keyof typeof assumptions;
export type Prices = Readonly<Record<Name, number>>;
type Size = Readonly<Record<string, string | number>>;

export function pricesWith(changes: Readonly<Record<string, number>> = {}): Prices {
  const standard = Object.entries(assumptions).map(([name, [value]]) => [name, value]);
  return { ...(Object.fromEntries(standard) as Prices), ...changes };
}

/** Monthly items of an environment that paints nothing. */
export function idleItems(
  environment: string,
  prices: Prices,
): { name: string; formula: string; dollars: number }[] {
  const size = sizes()[environment]!;
  const hours = prices.hoursPerMonth;
  const number = (name: string) => Number(size[name]);
  const vcpus = number("GatewayCpu") / 1024;
  const gigabytes = number("GatewayMemory") / 1024;
  const node = prices[String(size.RedisNodeType) as Name];
  const endpoints = countOf("network.yaml", "AWS::EC2::VPCEndpoint") - 1; // that of S3 is free
  const machines = number("SpotMinVcpus") / 4;
  const item = (name: string, formula: string, dollars: number) => ({ name, formula, dollars });
  return [
    item(
      "gateways",
      `${size.MinGateways} x (${vcpus} x vcpuHour + ${gigabytes} x gigabyteHour) x hours`,
      number("MinGateways") * (vcpus * prices.vcpuHour + gigabytes * prices.gigabyteHour) * hours,
    ),
    item(
      "load balancer",
      "(loadBalancerHour + capacityHour) x hours",
      (prices.loadBalancerHour + prices.capacityHour) * hours,
    ),
    size.Egress === "nat"
      ? item("way out", "(natHour + addressHour) x hours", (prices.natHour + prices.addressHour) * hours)
      : item(
          "way out",
          `${endpoints} x 2 zones x endpointHour x hours`,
          endpoints * 2 * prices.endpointHour * hours,
        ),
    item("Redis", `${size.RedisNodes} x ${size.RedisNodeType} x hours`, number("RedisNodes") * node * hours),
    item(
      "GPU kept ready",
      `${machines} x (spotHour + diskHour) x hours`,
      machines * (prices.spotHour + prices.diskHour) * hours,
    ),
    item(
      "watching",
      [
        `${alarmedMetrics(number("RedisNodes"))} x alarm`,
        `${countOf("alarms.yaml", "AWS::Logs::MetricFilter")} x metric`,
        "dashboard",
        `${size.MinGateways} x logGigabyte`,
        "insights",
      ].join(" + "),
      watching(size, prices),
    ),
    item("keys and secrets", "key + 2 x secret", prices.key + 2 * prices.secret),
  ];
}

function watching(size: Size, prices: Prices): number {
  const insights = { disabled: 0, enabled: prices.insightsEnabled, enhanced: prices.insightsEnhanced };
  return (
    alarmedMetrics(Number(size.RedisNodes)) * prices.alarm +
    countOf("alarms.yaml", "AWS::Logs::MetricFilter") * prices.metric +
    prices.dashboard +
    Number(size.MinGateways) * prices.logGigabyte +
    insights[size.ContainerInsights as keyof typeof insights]
  );
}

/**
 * What 1,000 pictures cost beside that: one after the other on machines that are never idle, and each alone on a
 * machine started for it.
 */
export function thousandPictures(environment: string, prices: Prices) {
  const size = sizes()[environment]!;
  const hour = (price: number) => price + prices.diskHour;
  const busy = (price: number) => (1000 * prices.secondsPerPicture * hour(price)) / 3600;
  const alone = prices.secondsPerPicture + prices.startSeconds + Number(size.KeepMinutes) * 60;
  const stored =
    (1000 * prices.megabytesPerPicture * (Number(size.ObjectDays) / 30) * prices.storedGigabyte) / 1000;
  const sent = ((1000 * prices.viewsPerPicture * 4) / 1000) * prices.sentGigabyte;
  const other = stored + sent + 1000 * prices.requestsPerPicture;
  return {
    spot: busy(prices.spotHour) + other,
    onDemand: busy(prices.onDemandHour) + other,
    alone: (1000 * alone * hour(prices.spotHour)) / 3600 + other,
    other,
  };
}

function sizes(): Readonly<Record<string, Size>> {
  return readTemplate("root.yaml").Mappings.Sizes as Readonly<Record<string, Size>>;
}

/** An alarm costs for each metric that it reads; those of Redis read one of each node. */
function alarmedMetrics(redisNodes: number): number {
  const alarms = Object.entries(readTemplate("alarms.yaml").Resources).filter(
    ([, { Type }]) => Type === "AWS::CloudWatch::Alarm",
  );
  return alarms.reduce((sum, [name, { Properties }]) => {
    if (name.startsWith("Redis")) return sum + redisNodes;
    const metrics = (Properties.Metrics ?? [{ MetricStat: {} }]) as readonly {
      readonly MetricStat?: unknown;
    }[];
    return sum + metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
  }, 0);
}

const dollars = (value: number) => value.toFixed(value < 10 ? 2 : 0);

/** The tables of docs/aws.md: by month, how production's come about, by 1,000 pictures, assumptions. */
export function costTables(prices: Prices): string {
  const all = environments.map((environment) => idleItems(environment, prices));
  const names = all[0]!.map(({ name }) => name);
  const sums = all.map((items) => items.reduce((sum, item) => sum + item.dollars, 0));
  const pictures = environments.map((environment) => thousandPictures(environment, prices));
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = (first: string) => [row([first, ...environments]), row(["---", "--:", "--:", "--:", "--:"])];
  return [
    ...head("US dollars a month, painting nothing"),
    ...names.map((name, at) => row([name, ...all.map((items) => dollars(items[at]!.dollars))])),
    row(["**together**", ...sums.map((sum) => `**${dollars(sum)}**`)]),
    "",
    ...head("US dollars for 1,000 pictures beside that"),
    row(["one after the other, Spot", ...pictures.map(({ spot }) => dollars(spot))]),
    row(["one after the other, full price", ...pictures.map(({ onDemand }) => dollars(onDemand))]),
    row(["each alone, on a machine started for it, Spot", ...pictures.map(({ alone }) => dollars(alone))]),
    row(["of it storage, transfer, requests", ...pictures.map(({ other }) => dollars(other))]),
    "",
    row(["item", "development", "production"]),
    row(["---", "---", "---"]),
    ...names.map((name, at) => row([name, all[0]![at]!.formula, all[3]![at]!.formula])),
    "",
    row(["name", "value", "of what"]),
    row(["---", "--:", "---"]),
    ...(Object.keys(assumptions) as Name[]).map((name) =>
      row([`\`${name}\``, `${prices[name]}`, assumptions[name][1]]),
    ),
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changes = process.argv.slice(2).map((argument) => {
    const [name = "", value = ""] = argument.split("=");
    if (!(name in assumptions) || !(Number(value) >= 0) || value === "")
      throw new Error(`Expected NAME=NUMBER with a name of the table but received '${argument}'.`);
    return [name, Number(value)] as const;
  });
  process.stdout.write(`${costTables(pricesWith(Object.fromEntries(changes)))}\n`);
}
