/** One line of a table and of the JSON beside it. */
export type Row = Readonly<Record<string, string | number>>

/** Measures, tells of its progress, and returns its table. A peer that isn't installed is told of and left out. */
export type Bench = (progress: (line: string) => void) => Promise<readonly Row[]>

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
