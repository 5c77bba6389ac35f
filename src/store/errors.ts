import { StoreError, type Revision } from './store.ts'

/** The sentences of the errors that every backend throws alike. */

export const existsError = (key: string): StoreError =>
  new StoreError('exists', `The key "${key}" exists already; update it, or delete it first.`, { key })

export const missingError = (key: string): StoreError =>
  new StoreError('missing', `The key "${key}" does not exist; create it first.`, { key })

export const conflictError = (key: string, expected: Revision, present: Revision): StoreError =>
  new StoreError(
    'conflict',
    `The key "${key}" is at revision ${present}, not at ${expected}; read it again and repeat the change.`,
    { key, revision: present },
  )

export const compactedError = (asked: Revision, oldest: Revision): StoreError =>
  new StoreError(
    'compacted',
    `Revision ${asked} is no longer kept; the oldest is ${oldest}. List again and go on from the answer's revision.`,
    { revision: oldest },
  )

export const futureError = (asked: Revision, current: Revision): StoreError =>
  new StoreError(
    'future',
    `Revision ${asked} has not happened; the store is at ${current}. Ask for that or an older one.`,
    { revision: current },
  )

export const laggingError = (backlogMax: number, seen: Revision): StoreError =>
  new StoreError(
    'lagging',
    `The watcher fell more than ${backlogMax} events behind after revision ${seen}; list again and watch from there.`,
    { revision: seen },
  )

export const invalidError = (message: string, key?: string): StoreError =>
  new StoreError('invalid', message, key === undefined ? {} : { key })

export const closedError = (cause?: unknown): StoreError =>
  new StoreError('unavailable', 'The store is closed; open it again.', { cause })
