/** What `sampan preflight` finds, and how it is printed. */
export type Verdict = 'ok' | 'limited' | 'no'

export interface Check {
  /** A word or two; stays the same between versions. */
  readonly name: string
  readonly verdict: Verdict
  /** What was found, and what that means for apps. */
  readonly found: string
  /** What to do about it. */
  readonly next?: string
  /** A `no` here means that the machine can't join. */
  readonly isNeeded?: true
}

export interface Report {
  readonly canJoin: boolean
  readonly checks: readonly Check[]
}

export const reportOf = (checks: readonly Check[]): Report => ({
  canJoin: !checks.some(({ isNeeded, verdict }) => isNeeded === true && verdict === 'no'),
  checks,
})

export function formatReport({ canJoin, checks }: Report): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.map(({ found, name, next, verdict }) => {
    const more = next === undefined ? '' : `. Next: ${next}`
    return `${verdict.padEnd(7)}  ${name.padEnd(width)}  ${found}${more}`
  })
  return [...lines, canJoin ? 'this machine can join' : 'this machine can not join'].join('\n')
}
