/** Txtar, the text archive of Go's tools: a comment, then files, each behind a line `-- NAME --`. */

export interface Txtar {
  /** Everything before the first file. */
  readonly comment: string
  readonly files: readonly { readonly name: string; readonly text: string }[]
}

const marker = /^-- (\S.*?) --\s*$/

/** Nothing is malformed: what is no marker is text. */
export function parseTxtar(text: string): Txtar {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const starts = lines.flatMap((line, index) => (marker.test(line) ? [index] : []))
  const between = (from: number, to: number | undefined): string =>
    lines
      .slice(from, to)
      .map((line) => `${line}\n`)
      .join('')
  return {
    comment: between(0, starts[0]),
    files: starts.map((start, index) => ({
      name: (marker.exec(lines[start] ?? '')?.[1] ?? '').trim(),
      text: between(start + 1, starts[index + 1]),
    })),
  }
}
