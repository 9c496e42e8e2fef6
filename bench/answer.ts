/** The child's side of children.ts. */

/** Answers the request in argv over IPC, then ends the process. */
export function answer<Request>(work: (request: Request) => Promise<unknown>): void {
  const request: Request = JSON.parse(process.argv[2]!);
  work(request).then(
    (result) => process.send!({ result }, () => process.exit(0)),
    (error: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      process.send!({ problem }, () => process.exit(1));
    },
  );
}
