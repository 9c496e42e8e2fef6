/**
 * How people are told an amount of bytes: 574673361 -> "574.7 MB". Limits of devices, which are powers of two, are told
 * in MiB (engine/numbers.ts).
 */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
