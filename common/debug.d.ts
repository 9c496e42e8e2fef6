/** The part of the package `debug` that trace.ts uses; it comes without types. */
declare module "debug" {
  interface Debugger {
    (format: string, ...values: unknown[]): void;
    readonly enabled: boolean;
  }
  export default function debug(namespace: string): Debugger;
}
