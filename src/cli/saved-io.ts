/** The outside world of a command that works on a saved table: what the kernel would be asked, a file answers. */
import type { SavedTableFile } from "../command/command.js";
import { savedSockets } from "../saved/table.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Io } from "./io.js";

/**
 * Time stands still, so that an age in the file is the age that is shown: at the moment in which the dump was made where a
 * line tells that, else at this one.
 */
export function savedIo({ path, labels }: SavedTableFile, io: Io): Io {
  let now = io.nowMicroseconds();
  const nowMicroseconds = () => now;
  const sockets = savedSockets({
    name: path,
    open: () => io.open(path),
    context: {
      labelMap: () => labels,
      localTime: io.backend.localTime,
      nowMicroseconds,
      setNow: (microseconds) => {
        now = microseconds;
      },
    },
  });
  // What the settings of this machine are says nothing of the table in the file.
  const readFile = () => {
    throw new KernelError(ENOENT, "open");
  };
  return { ...io, backend: { ...io.backend, ...sockets }, nowMicroseconds, readFile };
}
