/**
 * What tools find in the templates and what is left as it is, with the reason: the one list. What is not found any more
 * has to go from here, too.
 */
import { type EnvironmentName, environments } from "./parameters.ts";

export interface Suppression {
  /** Stack.Resource */
  readonly resources: readonly string[];
  /** Where not in all. */
  readonly environments?: readonly EnvironmentName[];
  readonly why: string;
}

const withoutDomain = ["development", "testing"] as const;
const withLogs = ["staging", "production"] as const;
const packaged = "templates beside it: deploy.sh packages them";
const logGroups = ["Compute.LogGroup", "Data.RedisLogGroup", "Network.FlowLogGroup", "Service.LogGroup"];
const logBucket = { resources: ["Data.LogBucket"], environments: withLogs };

/** Rules of AWS Control Tower, by cfn-guard. */
export const guardSuppressions: Readonly<Record<string, readonly Suppression[]>> = {
  alb_http_to_https_redirection_check: [
    {
      resources: ["Edge.Listener"],
      environments: withoutDomain,
      why: "without a domain there is no certificate; the listener is reached by CloudFront alone",
    },
  ],
  cloudfront_access_logs_enabled_check: [
    {
      resources: ["Edge.Distribution"],
      why: "logs of the old kind need a bucket with ACLs; the load balancer logs what reaches gateways",
    },
  ],
  cloudfront_custom_ssl_certificate_check: [
    { resources: ["Edge.Distribution"], environments: withoutDomain, why: "CloudFront's own address" },
  ],
  cloudfront_sni_enabled_check: [
    { resources: ["Edge.Distribution"], environments: withoutDomain, why: "CloudFront's own certificate" },
  ],
  cloudfront_security_policy_check: [
    { resources: ["Edge.Distribution"], environments: withoutDomain, why: "CloudFront's own certificate" },
  ],
  cloudfront_default_root_object_configured_check: [
    { resources: ["Edge.Distribution"], why: "the gateways answer /; the bucket is under other paths" },
  ],
  cloudfront_origin_failover_enabled_check: [
    { resources: ["Edge.Distribution"], why: "each origin is there once, and is in two zones itself" },
  ],
  cloudwatch_log_group_encrypted_check: [
    { resources: logGroups, why: "encrypted with CloudWatch's keys; lines have ids and times, no pictures" },
  ],
  cloudwatch_log_group_retention_period_check: [
    { resources: logGroups, why: "a year is asked for; ids of clients' jobs should not be kept that long" },
  ],
  ec2_launch_template_monitoring_enabled_check: [
    { resources: ["Compute.LaunchTemplate"], why: "machines live for minutes; jobs are what is watched" },
  ],
  ecs_container_insights_enabled_check: [
    {
      resources: ["Service.Cluster"],
      environments: withoutDomain,
      why: "costs more than the gateways there; the service's own CPU and memory are free",
    },
    {
      resources: ["Service.Cluster"],
      environments: ["production"],
      why: "'enhanced' is more than 'enabled', which the rule does not know",
    },
  ],
  elbv2_deletion_protection_enabled_check: [
    {
      resources: ["Edge.LoadBalancer"],
      environments: ["development", "testing", "staging"],
      why: "environments that are made and removed",
    },
  ],
  elbv2_logging_enabled_check: [
    { resources: ["Edge.LoadBalancer"], environments: withoutDomain, why: "environments of developers" },
  ],
  s3_bucket_default_encryption_kms_check: [
    {
      resources: ["Data.Bucket", "Registry.TemplateBucket"],
      why: "S3's own keys: another would cost a call for each picture, and keep out nobody who may read the bucket",
    },
    { ...logBucket, why: "load balancers write to buckets with S3's own keys only" },
  ],
  s3_bucket_logging_enabled_check: [
    { resources: ["Data.Bucket"], environments: withoutDomain, why: "environments of developers" },
    { ...logBucket, why: "a log of the log would never end" },
    { resources: ["Registry.TemplateBucket"], why: "templates: who changes stacks is in CloudTrail" },
  ],
  s3_bucket_object_lock_enabled_check: [
    { resources: ["Data.Bucket"], why: "clients may delete their pictures" },
    { ...logBucket, why: "logs end by themselves" },
    { resources: ["Registry.TemplateBucket"], why: "can be packaged again from the sources" },
  ],
  s3_bucket_versioning_enabled_check: [
    { resources: ["Data.Bucket"], why: "what clients delete must be gone" },
    { ...logBucket, why: "nobody writes a log twice" },
  ],
  s3_event_notifications_enabled_check: [
    {
      resources: ["Data.Bucket", "Registry.TemplateBucket"],
      why: "nobody waits for objects: workers tell by the queue",
    },
    { ...logBucket, why: "nobody waits for logs" },
  ],
};

/** Rules of cfn-lint, by template, that its metadata turns off. */
export const lintSuppressions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "root.yaml": { W3002: packaged },
};

/** Findings of AWS's own validator: rule, template, resource or output. */
export const validateSuppressions: Readonly<Record<string, string>> = {
  "W1001 data.yaml LogBucketName": "it is within Fn::If of the same condition",
  ...Object.fromEntries(
    ["Network", "Data", "Edge", "Compute", "Service", "Alarms"].map((name) => [
      `W3002 root.yaml ${name}`,
      packaged,
    ]),
  ),
};

/** "rule Stack.Resource" of all that is left in an environment. */
export function expectedFindings(environment: EnvironmentName): string[] {
  const lines = Object.entries(guardSuppressions).flatMap(([rule, suppressions]) =>
    suppressions
      .filter((each) => (each.environments ?? environments).includes(environment))
      .flatMap(({ resources }) => resources.map((resource) => `${rule} ${resource}`)),
  );
  return lines.sort();
}
