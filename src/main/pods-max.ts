import { CommandError } from './command-error.ts'

/** A node's range of addresses has no more. */
const podsMaxMax = 1_022

/** How many pods the operator of this machine wants on it at most; undefined: the agent's default. Throws `CommandError`. */
export function readPodsMax(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = env['SAMPAN_PODS_MAX'] ?? ''
  if (text === '') return undefined
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 1 && count <= podsMaxMax) return count
  throw new CommandError(
    `SAMPAN_PODS_MAX is ${JSON.stringify(text)}: write a number from 1 to ${podsMaxMax}, which is how many addresses a node has`,
  )
}
