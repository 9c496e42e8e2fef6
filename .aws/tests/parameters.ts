/** What a parameter takes, and values as somebody would give them who deploys each of the four environments. */
import { account, region } from "./made-up.ts";
import type { Parameter } from "./templates.ts";

/** Of the types whose values CloudFormation looks up. */
const typePatterns: Readonly<Record<string, RegExp>> = {
  "AWS::EC2::VPC::Id": /^vpc-[0-9a-f]{8,17}$/,
  "AWS::EC2::SecurityGroup::Id": /^sg-[0-9a-f]{8,17}$/,
  "List<AWS::EC2::Subnet::Id>": /^subnet-[0-9a-f]{8,17}$/,
  String: /^/,
  Number: /^-?\d+(\.\d+)?$/,
  CommaDelimitedList: /^/,
};

/** What was expected instead of the value, or of one of a list; undefined where it fits. */
export function misfit(parameter: Parameter, value: string): string | undefined {
  const { Type, AllowedPattern, AllowedValues, MinValue, MaxValue } = parameter;
  const pattern = typePatterns[Type];
  if (pattern === undefined) return `of a type that is known, not ${Type}`;
  if (!pattern.test(value)) return `of the form ${pattern}`;
  // CloudFormation matches the whole value.
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value))
    return `of the form ${AllowedPattern}`;
  if (AllowedValues !== undefined && !AllowedValues.map(String).includes(value))
    return `one of ${AllowedValues.join(", ")}`;
  if (MinValue !== undefined && Number(value) < MinValue) return `at least ${MinValue}`;
  if (MaxValue !== undefined && Number(value) > MaxValue) return `at most ${MaxValue}`;
  return undefined;
}

export const environments = ["development", "testing", "staging", "production"] as const;
export type EnvironmentName = (typeof environments)[number];

const digest = "0123456789abcdef".repeat(4);
const image = (name: string) => `${account}.dkr.ecr.${region}.amazonaws.com/${name}@sha256:${digest}`;
const certificate = `arn:aws:acm:us-east-1:${account}:certificate/12345678-1234-1234-1234-123456789012`;
const secret = (name: string) => `arn:aws:secretsmanager:${region}:${account}:secret:${name}-AbCdEf`;

const always = {
  GatewayImage: image("stylize-gateway"),
  WorkerImage: image("stylize-worker"),
  CloudFrontPrefixListId: "pl-3b927c52",
};
const domain = {
  DomainName: "paint.example.com",
  CertificateArn: certificate,
  EdgeCertificateArn: certificate,
};

/** Beside `Environment`: as little as is allowed in development, all that there is in production. */
export const exampleParameters: Readonly<Record<EnvironmentName, Readonly<Record<string, string>>>> = {
  development: always,
  testing: { ...always, JwtPublicKeyArn: secret("public-key"), LogLevel: "debug" },
  staging: { ...always, ...domain, Origins: "https://example.com,https://www.example.com" },
  production: {
    ...always,
    ...domain,
    Project: "longest-of-names",
    HostedZoneId: "Z0123456789ABCDEFGHIJ",
    WebAclArn: `arn:aws:wafv2:us-east-1:${account}:global/webacl/paint/12345678-1234-1234-1234-123456789012`,
    JwtSharedKeyArn: secret("shared-key"),
    AlarmEmail: "somebody@example.com",
    MonthlyBudget: "2000",
  },
};
