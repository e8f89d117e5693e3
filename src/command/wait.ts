/** Waiting between two looks at the table. */
import { KernelError } from "../system/errors.js";
import type { Context } from "./context.js";

/** Sleeps; a signal that is caught ends it early. A socket on which nothing arrives is what there is to wait on. */
export function sleep({ backend }: Pick<Context, "backend">, milliseconds: number): void {
  const socket = backend.open();
  if (typeof socket === "number") throw new KernelError(-socket, "socket");
  try {
    socket.poll(Math.round(milliseconds));
  } finally {
    socket.close();
  }
}
