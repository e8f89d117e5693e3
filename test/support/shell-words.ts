/** Just enough of a shell to run a recorded command without one. */

/** The words of a single plain command, quotes removed; undefined for text that needs a real shell. */
export function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'" || char === '"') {
      const end = text.indexOf(char, i + 1);
      if (end < 0) return undefined;
      const quoted = text.slice(i + 1, end);
      if (char === '"' && /[$`\\]/.test(quoted)) return undefined;
      word = (word ?? "") + quoted;
      i = end;
    } else if (char === " ") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ("|;&<>()$`\\\n".includes(char)) {
      return undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
