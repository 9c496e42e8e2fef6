/** What AWS would make up: ids, addresses and ARNs of resources, of the form that they really have. */
import type { Fields } from "./templates.ts";

export const account = "123456789012";
export const region = "us-east-1";

export const pseudoParameters: Readonly<Record<string, string>> = {
  "AWS::AccountId": account,
  "AWS::Region": region,
  "AWS::Partition": "aws",
  "AWS::URLSuffix": "amazonaws.com",
};

/** A resource whose properties have been resolved. */
export interface Made {
  readonly name: string;
  /** Begins made-up names. */
  readonly prefix: string;
  readonly properties: Fields;
}

type Make = (made: Made) => string;

const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;
/** Hexadecimal digits that are always the same for a name. */
const hex = (name: string, digits: number) =>
  Buffer.from(name.padEnd(digits)).toString("hex").slice(-digits).padStart(digits, "0");
const id =
  (kind: string): Make =>
  ({ name }) =>
    `${kind}-${hex(name, 17)}`;
const property =
  (name: string): Make =>
  ({ properties }) =>
    String(properties[name]);
const bucket: Make = ({ prefix, name }) => `${prefix}-${name}-1a2b3c`.toLowerCase();
const role: Make = ({ prefix, name }) => `${prefix}-${name}-1A2B3C`;
const balancer: Make = ({ prefix }) => `app/${prefix}/50dc6c495c0c9188`;
const targets: Make = ({ prefix }) => `targetgroup/${prefix}/73e2d6bc24d8a067`;
const jobDefinition: Make = ({ properties }) =>
  arn("batch", `job-definition/${properties.JobDefinitionName}:7`);
const computeEnvironment: Make = ({ name }) => arn("batch", `compute-environment/${name}-1a2b3c`);
const jobQueue: Make = ({ properties }) => arn("batch", `job-queue/${properties.JobQueueName}`);

/** What `Ref` gives. Types that are missing can't be referred to. */
export const refs: Readonly<Record<string, Make>> = {
  "AWS::Batch::ComputeEnvironment": computeEnvironment,
  "AWS::CloudFront::CachePolicy": ({ name }) => `2e54312d-136d-493c-8eb9-${hex(name, 12)}`,
  "AWS::CloudFront::Distribution": () => "E2QWRUHAPOMQZL",
  "AWS::CloudFront::ResponseHeadersPolicy": ({ name }) => `57f99797-3b20-4e1b-a728-${hex(name, 12)}`,
  "AWS::CloudWatch::Dashboard": property("DashboardName"),
  "AWS::EC2::InternetGateway": id("igw"),
  "AWS::EC2::LaunchTemplate": id("lt"),
  "AWS::EC2::NatGateway": id("nat"),
  "AWS::EC2::RouteTable": id("rtb"),
  "AWS::EC2::SecurityGroup": id("sg"),
  "AWS::EC2::Subnet": id("subnet"),
  "AWS::EC2::VPC": id("vpc"),
  "AWS::ECS::Cluster": property("ClusterName"),
  "AWS::ECS::TaskDefinition": ({ properties }) => arn("ecs", `task-definition/${properties.Family}:7`),
  "AWS::ElastiCache::ParameterGroup": ({ prefix, name }) => `${prefix}-${name}-1a2b3c`.toLowerCase(),
  "AWS::ElastiCache::ReplicationGroup": () => "redabcdefghijkl",
  "AWS::ElastiCache::SubnetGroup": ({ prefix, name }) => `${prefix}-${name}-1a2b3c`.toLowerCase(),
  "AWS::ElasticLoadBalancingV2::LoadBalancer": (made) =>
    arn("elasticloadbalancing", `loadbalancer/${balancer(made)}`),
  "AWS::ElasticLoadBalancingV2::TargetGroup": (made) => arn("elasticloadbalancing", targets(made)),
  "AWS::ApplicationAutoScaling::ScalableTarget": ({ properties }) =>
    `${properties.ResourceId}|${properties.ScalableDimension}|${properties.ServiceNamespace}`,
  "AWS::IAM::Role": role,
  "AWS::KMS::Key": ({ name }) => `1234abcd-12ab-34cd-56ef-${hex(name, 12)}`,
  "AWS::Logs::LogGroup": property("LogGroupName"),
  "AWS::S3::Bucket": bucket,
  "AWS::SecretsManager::Secret": ({ name }) => arn("secretsmanager", `secret:${name}-AbCdEf`),
  "AWS::SNS::Topic": ({ properties }) => arn("sns", String(properties.TopicName)),
  "AWS::SQS::Queue": ({ properties }) =>
    `https://sqs.${region}.amazonaws.com/${account}/${properties.QueueName}`,
};

/** What `Fn::GetAtt` gives. Types and attributes that are missing can't be referred to. */
export const attributes: Readonly<Record<string, Readonly<Record<string, Make>>>> = {
  "AWS::Batch::JobDefinition": { JobDefinitionArn: jobDefinition },
  "AWS::Batch::JobQueue": { JobQueueArn: jobQueue },
  "AWS::CloudFront::Distribution": { DomainName: () => "d111111abcdef8.cloudfront.net" },
  "AWS::CloudFront::OriginAccessControl": { Id: () => "E1ABCDEFGHIJKL" },
  "AWS::CloudFront::VpcOrigin": { Id: () => "vo_abcdefghijklmnopqrstuv" },
  "AWS::EC2::EIP": { AllocationId: id("eipalloc") },
  "AWS::EC2::LaunchTemplate": { LatestVersionNumber: () => "3" },
  "AWS::ECR::Repository": {
    RepositoryUri: ({ properties }) =>
      `${account}.dkr.ecr.${region}.amazonaws.com/${properties.RepositoryName}`,
  },
  "AWS::ECS::Service": { Name: property("ServiceName") },
  "AWS::ElastiCache::ReplicationGroup": {
    "PrimaryEndPoint.Address": () => "master.redabcdefghijkl.abcdef.use1.cache.amazonaws.com",
  },
  "AWS::ElasticLoadBalancingV2::LoadBalancer": {
    DNSName: ({ prefix }) => `internal-${prefix}-123456789.${region}.elb.amazonaws.com`,
    LoadBalancerFullName: balancer,
  },
  "AWS::ElasticLoadBalancingV2::TargetGroup": { TargetGroupFullName: targets },
  "AWS::IAM::InstanceProfile": {
    Arn: (made) => `arn:aws:iam::${account}:instance-profile/${role(made)}`,
  },
  "AWS::IAM::Role": { Arn: (made) => `arn:aws:iam::${account}:role/${role(made)}` },
  "AWS::KMS::Key": { Arn: ({ name }) => arn("kms", `key/1234abcd-12ab-34cd-56ef-${hex(name, 12)}`) },
  "AWS::S3::Bucket": {
    Arn: (made) => `arn:aws:s3:::${bucket(made)}`,
    RegionalDomainName: (made) => `${bucket(made)}.s3.${region}.amazonaws.com`,
  },
  "AWS::SQS::Queue": {
    Arn: ({ properties }) => arn("sqs", String(properties.QueueName)),
    QueueName: property("QueueName"),
  },
};
