/** What one kind of call took: elapsed, and processor time of the server for each. */
export interface Measured {
  readonly p50: number
  readonly p99: number
  readonly cpuMs: number
}

export const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export const round = (value: number): number => Number(value.toPrecision(3))
