import { readFileSync } from 'node:fs'
import { CommandError } from './command-error.ts'

/** Long enough that nobody guesses it. */
const serverTokenLengthMin = 16

/** Throws `CommandError`. */
export function readServerToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new CommandError(`can't read --server-token-file ${file}: ${(cause as Error).message}`, { cause })
  }
  if (token.length >= serverTokenLengthMin) return token
  throw new CommandError(
    `--server-token-file ${file} holds fewer than ${serverTokenLengthMin} characters: copy credentials/server.token from the data directory of the cluster's first server`,
  )
}
