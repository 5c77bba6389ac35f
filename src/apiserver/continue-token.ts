/** Where a list goes on: opaque to clients, versioned, and never trusted. */
import { badRequest } from '../api/status.ts'
import type { Revision } from '../store/store.ts'

export interface Continuation {
  /** The revision of the list's first page; undefined to go on with whatever is there now. */
  readonly revision: Revision | undefined
  /** The last key delivered, below the resource's prefix. */
  readonly after: string
}

const version = 'sampan/1'

export const encodeContinue = ({ revision, after }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: version, rv: revision ?? -1, after })).toString('base64url')

export function decodeContinue(token: string): Continuation {
  const fields = parse(token)
  if (fields['v'] !== version) throw refusal('server does not recognize this encoded version')
  const { rv, after } = fields
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0)
    throw refusal('incorrect encoded start resourceVersion')
  if (typeof after !== 'string' || after === '' || !after.isWellFormed())
    throw refusal('encoded start key missing')
  return { revision: rv < 0 ? undefined : rv, after }
}

function parse(token: string): Readonly<Record<string, unknown>> {
  if (!/^[\w-]+$/.test(token)) throw refusal('illegal base64 data')
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Not JSON: refused below, like JSON that is no object.
  }
  throw refusal('it was not made by this server')
}

const refusal = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`)
