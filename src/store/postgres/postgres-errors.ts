import pg from 'pg'

import { StoreError } from '../store.ts'

/** The connection ended or gave no answer: whatever was asked may or may not have happened. */
export class LostError extends Error {
  override readonly name = 'LostError'
}

/** SQLSTATE → what it means for the store. The first two characters are its class. */
const fullStates = new Set(['53100'])
const corruptStates = new Set(['XX001', 'XX002', '3F000', '42P01', '42883', '42703'])
/** Trying another server, or again, can't help: wrong password, no such database or role. */
const hopelessStates = /^(28...|3D000|42501)$/
const readOnlyState = '25006'
/** The server takes no writes (any more): a standby, or one that is going away. */
const goneStates = /^(25006|57P0.|08...)$/

const stateOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined

export const isHopeless = (error: unknown): boolean =>
  hopelessStates.test(stateOf(error) ?? '') || (error instanceof Error && isTlsRefusal(error))

/** The server has no TLS, or a certificate that does not convince. */
const isTlsRefusal = (error: Error): boolean =>
  / SSL |certificate/.test(error.message) ||
  ('code' in error && /CERT|TLS|SIGNATURE/.test(String(error.code)))

/** The user may not do that; or this server can't, as some that speak PostgreSQL's protocol. */
export const isDenied = (error: unknown): boolean => /^(42501|42883|0A000)$/.test(stateOf(error) ?? '')

/** After such an error the session is of no more use. */
export const isGone = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || goneStates.test(stateOf(error) ?? '')

/**
 * What the store throws for an error of the driver. The server's detail, hint and context may quote values, so its
 * message alone is passed on.
 */
export function translateError(error: unknown, doing: 'read' | 'write'): StoreError {
  if (error instanceof StoreError) return error
  const state = stateOf(error) ?? ''
  const why = error instanceof Error ? error.message : String(error)
  if (fullStates.has(state)) {
    return new StoreError(
      'full',
      `The disk of PostgreSQL is full (${why}): nothing was written. Make room there; reads go on.`,
    )
  }
  if (corruptStates.has(state)) {
    return new StoreError(
      'corrupt',
      `PostgreSQL can't use Sampan's tables (${why}). Stop Sampan and restore a backup of the database.`,
    )
  }
  // A server that goes away may have committed before it said so; one that is a standby did not.
  const isDefinite = error instanceof pg.DatabaseError && (!isGone(error) || state === readOnlyState)
  if (isDefinite) {
    return new StoreError('unavailable', `PostgreSQL refused (${why}, ${state}). ${tryAgain}`, {
      cause: plain(error),
    })
  }
  const outcome =
    doing === 'write' ? ' Whether the write took place is unknown: read the key again.' : ` ${tryAgain}`
  return new StoreError('unavailable', `PostgreSQL gave no answer (${why}).${outcome}`, {
    cause: plain(error),
  })
}

const tryAgain = 'Nothing was changed by this; try again.'

/** Without the server's detail and without the statement's parameters. */
const plain = (error: unknown): Error => new Error(error instanceof Error ? error.message : String(error))

export const unreachableError = (hosts: string, why: string): StoreError =>
  new StoreError(
    'unavailable',
    `No PostgreSQL that takes writes answers at ${hosts} (${why}). Nothing was changed. Check that it runs, the address and the login.`,
  )

export const wentBackError = (schema: string, seen: number, now: number): StoreError =>
  new StoreError(
    'corrupt',
    `PostgreSQL's schema ${schema} no longer has the revision ${seen} that was acknowledged (${now < seen ? `it is at ${now}` : 'it has another write there'}): a failover or a restored backup lost writes. Servers of Sampan that knew them end, and start anew with what there is; make sure that the right PostgreSQL answers.`,
  )

export const badRowError = (what: string): StoreError =>
  new StoreError(
    'corrupt',
    `The tables of Sampan in PostgreSQL are damaged: ${what}. Stop Sampan and restore a backup of the database.`,
  )
