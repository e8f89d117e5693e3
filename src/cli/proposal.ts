/** What a shell's completion can propose for the value of an option. */
export type Proposal =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Some of the words, with commas between them. */
  | { readonly kind: "list"; readonly words: readonly string[] }
  /** Some of the names in the label file, with commas between them. */
  | { readonly kind: "labels" }
  | { readonly kind: "file" }
  /** Only whoever types can know it. */
  | { readonly kind: "nothing" };

export const NOTHING: Proposal = { kind: "nothing" };
