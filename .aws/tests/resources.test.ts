/**
 * What holds for all resources of a kind: encryption, logs that end, what outlives a stack, tags, alarms that say what
 * to do.
 */
import { describe, expect, it } from "vitest";
import { type Deployed, deployed, deployment } from "./deployment.ts";
import { environments } from "./parameters.ts";
import type { Fields } from "./templates.ts";

const kept = ["Retain", "Snapshot", "RetainExceptOnCreate"];
/** Types of which the loss is a loss of data, or that hold what was said; a policy is said for each. */
const stateful = [
  "AWS::ECR::Repository",
  "AWS::ElastiCache::ReplicationGroup",
  "AWS::KMS::Key",
  "AWS::Logs::LogGroup",
  "AWS::S3::Bucket",
  "AWS::SecretsManager::Secret",
  "AWS::SQS::Queue",
];
/** Stateful ones that go with their stack, and why. */
const goesWithItsStack: Readonly<Record<string, string>> = {
  "Alarms.Key": "encrypts messages on their way alone",
  "Compute.LogGroup": "logs are of an environment that is there",
  "Data.DeadLetterQueue": "messages of jobs whose records are gone",
  "Data.NewsQueue": "messages of jobs whose records are gone",
  "Data.RedisLogGroup": "logs are of an environment that is there",
  "Data.RedisPassword": "of a Redis that is gone",
  "Network.FlowLogGroup": "logs are of an environment that is there",
  "Service.LogGroup": "logs are of an environment that is there",
};

describe.each(environments)("%s", (environment) => {
  const resources = deployed(environment);
  const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
  const idOf = ({ stack, name }: Deployed) => `${stack}.${name}`;
  const each = (type: string, check: (properties: Fields, id: string) => void) => {
    const found = ofType(type);
    expect(found.length, type).toBeGreaterThan(0);
    for (const resource of found) check(resource.Properties, idOf(resource));
  };

  it("keeps data when a stack goes, and says so for each that holds any", () => {
    for (const resource of resources.filter(({ Type }) => stateful.includes(Type))) {
      const { DeletionPolicy, UpdateReplacePolicy } = resource;
      const id = idOf(resource);
      expect(DeletionPolicy, id).toBeDefined();
      expect(UpdateReplacePolicy, id).toBeDefined();
      expect(kept.includes(DeletionPolicy!), id).toBe(goesWithItsStack[id] === undefined);
    }
    const ids = resources.map(idOf);
    for (const id of Object.keys(goesWithItsStack)) expect(ids).toContain(id);
  });

  it("encrypts all that is stored", () => {
    each("AWS::S3::Bucket", ({ BucketEncryption }) => expect(BucketEncryption).toBeDefined());
    each("AWS::SQS::Queue", ({ SqsManagedSseEnabled }) => expect(SqsManagedSseEnabled).toBe(true));
    each("AWS::SNS::Topic", ({ KmsMasterKeyId }) => expect(KmsMasterKeyId).toBeDefined());
    each("AWS::KMS::Key", ({ EnableKeyRotation }) => expect(EnableKeyRotation).toBe(true));
    each("AWS::ECR::Repository", ({ EncryptionConfiguration }) =>
      expect(EncryptionConfiguration).toBeDefined(),
    );
    each("AWS::ElastiCache::ReplicationGroup", (properties) =>
      expect(properties).toMatchObject({
        AtRestEncryptionEnabled: true,
        TransitEncryptionEnabled: true,
        TransitEncryptionMode: "required",
        AuthToken: expect.stringMatching(/^\{\{resolve:secretsmanager:arn:aws:[^}]+\}\}$/),
      }),
    );
    each("AWS::EC2::LaunchTemplate", ({ LaunchTemplateData }) => {
      const { BlockDeviceMappings } = LaunchTemplateData as unknown as {
        BlockDeviceMappings: { Ebs: Fields }[];
      };
      for (const { Ebs } of BlockDeviceMappings) expect(Ebs.Encrypted).toBe(true);
    });
  });

  it("has buckets that are nobody's but ours, over TLS alone", () => {
    const policies = JSON.stringify(ofType("AWS::S3::BucketPolicy").map(({ Properties }) => Properties));
    expect(ofType("AWS::S3::BucketPolicy")).toHaveLength(ofType("AWS::S3::Bucket").length);
    expect(policies.match(/"aws:SecureTransport":"false"/g)).toHaveLength(ofType("AWS::S3::Bucket").length);
    each("AWS::S3::Bucket", (properties, id) => {
      const all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
      const blocked = Object.fromEntries(all.map((name) => [name, true]));
      expect(properties.PublicAccessBlockConfiguration, id).toEqual(blocked);
      expect(JSON.stringify(properties.LifecycleConfiguration), id).toContain(
        "AbortIncompleteMultipartUpload",
      );
      expect(properties.AccessControl, id).toBeUndefined();
    });
  });

  it("ends logs after the days of the environment", () => {
    const { Sizes } = deployment(environment).template.Mappings;
    const days = Sizes![environment]!.LogRetentionDays;
    each("AWS::Logs::LogGroup", ({ RetentionInDays }) => expect(RetentionInDays).toBe(days));
    const groups = ofType("AWS::Logs::LogGroup").map(({ Properties }) => Properties.LogGroupName);
    const used = JSON.stringify(resources.filter(({ Type }) => Type !== "AWS::Logs::LogGroup"));
    for (const group of groups) expect(used).toContain(`"${group}"`);
  });

  it("opens nothing to the world", () => {
    each("AWS::EC2::SecurityGroup", ({ SecurityGroupIngress = [] }) =>
      expect(JSON.stringify(SecurityGroupIngress)).not.toMatch(/Cidr/),
    );
    each("AWS::EC2::SecurityGroupIngress", (properties) => {
      expect(properties.CidrIp ?? properties.CidrIpv6).toBeUndefined();
      expect(properties.FromPort).toBe(properties.ToPort);
    });
    each("AWS::EC2::Subnet", ({ MapPublicIpOnLaunch }) => expect(MapPublicIpOnLaunch).toBe(false));
    each("AWS::ElasticLoadBalancingV2::LoadBalancer", ({ Scheme }) => expect(Scheme).toBe("internal"));
    each("AWS::ECS::Service", ({ NetworkConfiguration }) =>
      expect(NetworkConfiguration).toMatchObject({ AwsvpcConfiguration: { AssignPublicIp: "DISABLED" } }),
    );
  });

  it("ends TLS nowhere before the gateway's own network, and not there where there is a domain", () => {
    const edge = deployment(environment).nested("Edge");
    const { Properties } = edge.resource("Distribution");
    const { CacheBehaviors, DefaultCacheBehavior } = Properties.DistributionConfig as Record<
      string,
      Fields[]
    >;
    for (const { ViewerProtocolPolicy } of [DefaultCacheBehavior, CacheBehaviors].flat() as Fields[])
      expect(ViewerProtocolPolicy).toBe("redirect-to-https");
    const isPublic = environment === "staging" || environment === "production";
    expect(edge.resource("Listener").Properties.Protocol).toBe(isPublic ? "HTTPS" : "HTTP");
  });

  it("gives containers no more than they need", () => {
    const containers = [
      ...(ofType("AWS::ECS::TaskDefinition")[0]!.Properties.ContainerDefinitions as unknown as Fields[]),
      ofType("AWS::Batch::JobDefinition")[0]!.Properties.ContainerProperties as Fields,
    ];
    for (const { User, ReadonlyRootFilesystem, Privileged = false, Image } of containers) {
      expect(User).toBe("1000:1000");
      expect(ReadonlyRootFilesystem).toBe(true);
      expect(Privileged).toBe(false);
      expect(Image).toMatch(/@sha256:[0-9a-f]{64}$/);
    }
  });

  it("has alarms that go to somebody and say what to do", () => {
    const topic = deployment(environment).nested("Alarms").output("TopicArn");
    each("AWS::CloudWatch::Alarm", (properties, id) => {
      expect(properties.AlarmActions, id).toEqual([topic]);
      expect(properties.OKActions, id).toEqual([topic]);
      expect(String(properties.AlarmDescription), id).toMatch(/^[A-Z].{30,}\.$/);
      expect(["breaching", "notBreaching"], id).toContain(properties.TreatMissingData);
      expect(properties.AlarmName, id).toMatch(/^[a-z0-9-]+$/);
    });
    each("AWS::Budgets::Budget", (properties) => expect(JSON.stringify(properties)).toContain(`"${topic}"`));
    const mails = ofType("AWS::SNS::Subscription").length;
    expect(mails).toBe(environment === "production" ? 1 : 0);
  });

  it("measures what its alarms and dashboard look at", () => {
    const { Properties: dashboard } = ofType("AWS::CloudWatch::Dashboard")[0]!;
    const { widgets } = JSON.parse(String(dashboard.DashboardBody)) as { widgets: { properties: Fields }[] };
    expect(widgets.length).toBeGreaterThan(6);
    const filters = ofType("AWS::Logs::MetricFilter").map(
      ({ Properties }) => (Properties.MetricTransformations as unknown as Fields[])[0]!,
    );
    const namespace = String(filters[0]!.MetricNamespace);
    const own = filters.map(({ MetricName }) => String(MetricName)).sort();
    const alarms = JSON.stringify(ofType("AWS::CloudWatch::Alarm").map(({ Properties }) => Properties));
    const looked = [
      ...[...alarms.matchAll(/"Namespace":"([^"]+)","MetricName":"([^"]+)"/g)].map(([, space, name]) => [
        space,
        name,
      ]),
      ...widgets.flatMap(({ properties }) => shown((properties.metrics ?? []) as string[][])),
    ].filter(([space]) => space === namespace);
    expect([...new Set(looked.map(([, name]) => name!))].sort()).toEqual(own);
    for (const { DefaultValue, MetricValue } of filters)
      if (MetricValue === "1") expect(DefaultValue).toBe(0);
  });

  it("names its resources within AWS's limits", () => {
    const limits: Readonly<Record<string, number>> = {
      QueueName: 80,
      JobQueueName: 128,
      JobDefinitionName: 128,
      AlarmName: 255,
      ClusterName: 255,
      TopicName: 256,
      DashboardName: 255,
      BudgetName: 100,
    };
    for (const { Properties, Type, ...resource } of resources) {
      for (const [property, limit] of Object.entries(limits))
        if (typeof Properties[property] === "string")
          expect(
            String(Properties[property]).length,
            idOf({ Properties, Type, ...resource }),
          ).toBeLessThanOrEqual(limit);
      if (Type === "AWS::Events::Rule") expect(String(Properties.Name).length).toBeLessThanOrEqual(64);
    }
  });

  it("is tagged as a whole", () => {
    const root = deployment(environment);
    for (const { Properties } of root.ofType("AWS::CloudFormation::Stack")) {
      const tags = Object.fromEntries(
        (Properties.Tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]),
      );
      expect(Object.keys(tags).sort()).toEqual(["Environment", "Project", "Service"]);
      expect(tags.Environment).toBe(environment);
      expect(tags.Service).toBe(`${tags.Project}-${environment}`);
    }
    const [budget] = ofType("AWS::Budgets::Budget");
    const { Prefix } = root.resource("Alarms").Properties.Parameters as Fields;
    expect(JSON.stringify(budget!.Properties)).toContain(`"TagKeyValue":["user:Service$${Prefix}"]`);
  });
});

/** Namespace and name of the metrics of a widget, of which "." repeats the one before. */
function shown(metrics: readonly (readonly string[])[]): string[][] {
  const full: string[][] = [];
  for (const [i, [space, name]] of metrics.entries()) {
    const before = full[i - 1] ?? [];
    full.push([space === "." ? before[0]! : space!, name === "." ? before[1]! : name!]);
  }
  return full;
}

it("sizes rise from development to production, and what keeps others from harm is on there", () => {
  const { Sizes } = deployment("production").template.Mappings;
  const sizes = environments.map((environment) => Sizes![environment]!);
  for (const name of ["SpotMaxVcpus", "OnDemandMaxVcpus", "MaxGateways", "LogRetentionDays", "RedisNodes"]) {
    const values = sizes.map((size) => Number(size[name]));
    expect(values, name).toEqual([...values].sort((a, b) => a - b));
  }
  expect(Sizes!.production).toMatchObject({ DeletionProtection: "true", Egress: "endpoints", RedisNodes: 2 });
  expect(Number(Sizes!.production!.MinGateways)).toBeGreaterThanOrEqual(2);
  expect(Number(Sizes!.production!.SpotMinVcpus)).toBeGreaterThanOrEqual(4);
  expect(Sizes!.development).toMatchObject({ SpotMinVcpus: 0, MinGateways: 1 });
});
