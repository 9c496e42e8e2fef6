/** How gateways and workers check what they are told: the types of protocol.ts, with their limits. */
import { z } from "zod";
import { type PictureType, pictureTypes } from "./picture-types.ts";
import {
  type CreateUpload,
  type FailureReason,
  failureReasons,
  isStyleName,
  type JobOptions,
  type JobReference,
  type Page,
  strengths,
  type TransferStyle,
  type WorkerJob,
  type WorkerMessage,
} from "./protocol.ts";

export const jobIdSchema = z.string().regex(/^[0-9a-f]{32}$/);
const tokenSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const styleNameSchema = z.string().refine(isStyleName);
// As programs write them: with other names of the same types, in any case, with parameters. What they hold is found
// out anyway.
const dataUrlSchema = z
  .string()
  .regex(/^data:image\/(jpe?g|pjpeg|png|x-png|webp)(;[\w-]+=("[^"]{0,100}"|[^;,"]{0,100}))*;base64,/i);
const uploadedSchema = z.strictObject({ uploadKey: z.string().max(200) });

const jobOptionsSchema = z.strictObject({
  size: z.int().min(32).max(16_384).optional(),
  steps: z.int().min(1).max(2_000).optional(),
  strength: z.enum(strengths).optional(),
}) satisfies z.ZodType<JobOptions>;

export const transferStyleSchema = z.strictObject({
  image: z.union([dataUrlSchema, uploadedSchema]),
  style: z.union([styleNameSchema, dataUrlSchema, uploadedSchema]),
  isPrivate: z.boolean(),
  options: jobOptionsSchema.optional(),
  idempotencyKey: z.string().min(8).max(100).optional(),
}) satisfies z.ZodType<TransferStyle>;

export const pageSchema = z.strictObject({
  limit: z.int().min(1).max(100).optional(),
  cursor: z.string().max(500).optional(),
}) satisfies z.ZodType<Page>;

export const jobReferenceSchema = z.strictObject({
  jobId: jobIdSchema,
  token: tokenSchema,
}) satisfies z.ZodType<JobReference>;

export const createUploadSchema = z.strictObject({
  contentType: z.enum(Object.keys(pictureTypes) as [PictureType, ...PictureType[]]),
  bytes: z.int().min(1),
}) satisfies z.ZodType<CreateUpload>;

export const workerJobSchema = z.strictObject({
  contentKey: z.string().regex(/^(public|private)\/input\/[0-9a-f]{32}\.(jpg|png|webp)$/),
  style: z.union([styleNameSchema, z.string().regex(/^private\/style\/[0-9a-f]{32}\.(jpg|png|webp)$/)]),
  requestId: z.string().regex(/^[A-Za-z0-9_-]{1,64}::[0-9a-f]{32}$/),
  options: jobOptionsSchema,
}) satisfies z.ZodType<WorkerJob>;

const requestIdSchema = workerJobSchema.shape.requestId;

const workerProgressSchema = z.object({
  at: z.number(),
  step: z.int().min(0),
  total: z.int().min(1),
  etaMs: z.number().min(0),
  loss: z.number().optional(),
  previewKey: z.string().optional(),
});

export const workerMessageSchema = z.union([
  z.object({
    requestId: requestIdSchema,
    resultKey: z.string().regex(/^(public|private)\/output\/[0-9a-f]{32}\.png$/),
  }),
  z.object({
    requestId: requestIdSchema,
    failure: z.enum(Object.keys(failureReasons) as [FailureReason, ...FailureReason[]]),
  }),
  z.object({ requestId: requestIdSchema, progress: workerProgressSchema }),
]) satisfies z.ZodType<WorkerMessage>;
