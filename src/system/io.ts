/** Streams as the layers see them: plain, synchronous, handed in from outside. */

/** Where bytes go. */
export interface Sink {
  /** Writes all bytes before it returns; throws KernelError with the errno where that fails. */
  write(bytes: Uint8Array): void;
  /** Where a sink holds a short output back: writes it now. */
  flush?(): void;
}

/** Where bytes come from. */
export interface Source {
  /** Reads into `buffer`; returns how many bytes, 0 at the end of the input. Throws KernelError. */
  read(buffer: Uint8Array): number;
}

/** A source that was opened for reading, to be closed by who opened it. */
export interface OpenSource extends Source {
  close(): void;
}
