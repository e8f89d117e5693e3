/** A line of a saved dump that cannot be read: what is wrong with it. Who reads the lines adds the number. */
export class LineError extends Error {}

/** A piece of a line that is not what it should be. */
export function unreadable(text: string): LineError {
  return new LineError(`cannot read \`${text}'`);
}
