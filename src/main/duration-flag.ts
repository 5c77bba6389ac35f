import { CommandError } from './command-error.ts'

/** Reads `90s`, `30m`, `24h`, `7d`. Throws `CommandError`. */
export function parseDuration(text: string, flag: string): number {
  const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  const ms = Number(match?.[1]) * (unitMs[match?.[2] ?? ''] ?? NaN)
  if (ms > 0) return ms
  throw new CommandError(`${flag} ${JSON.stringify(text)} is no duration: write for example 30m, 24h or 7d`)
}
