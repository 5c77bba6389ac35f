import type { TestContext } from 'node:test'
import { isPresent } from '../../tools/parts.ts'

/** True when a test has to be skipped for want of a program; with CI=true that is a failure instead. */
export function isMissing(t: TestContext, program: string, purpose: string): boolean {
  if (isPresent(program)) return false
  const why = `${program} is not installed, needed for ${purpose}`
  if (process.env['CI'] === 'true') throw new Error(why)
  t.skip(why)
  return true
}
