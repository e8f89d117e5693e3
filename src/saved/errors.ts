/** A line of a saved dump that cannot be read: what is wrong with it. Who reads the lines adds the number. */
export class LineError extends Error {}

/** Of what cannot be read so much is shown. */
const SHOWN = 40;

/** A piece of a line that is not what it should be. */
export function unreadable(text: string): LineError {
  const characters = [...text];
  const shown = characters.length > SHOWN ? `${characters.slice(0, SHOWN).join("")}...` : text;
  return new LineError(`cannot read \`${shown}'`);
}
