import { compactedError, futureError, invalidError } from './errors.ts'
import { keyBytesMax, valueBytesMax, type Range, type Revision } from './store.ts'

/** The checks of what a caller passes in, the same for every backend; each throws `invalid`. */

export function checkKey(key: string): void {
  if (key === '') throw invalidError('The key is empty; give it at least one character.')
  if (isWiderThan(key, keyBytesMax)) {
    throw invalidError(`The key "${key.slice(0, 64)}…" has more than ${keyBytesMax} bytes; shorten it.`, key)
  }
  checkText(key)
}

/** `advice` is a sentence of a backend that takes less than `valueBytesMax`. */
export function checkValue(
  key: string,
  value: Uint8Array,
  { bytesMax = valueBytesMax, advice = 'Store less, or split it.' } = {},
): void {
  if (value.byteLength > bytesMax) {
    throw invalidError(
      `The value of "${key}" has ${value.byteLength} bytes; the most is ${bytesMax}. ${advice}`,
      key,
    )
  }
}

export function checkTtl(key: string, ttlMs: number | undefined): void {
  if (ttlMs === undefined) return
  if (!(ttlMs > 0 && Number.isFinite(ttlMs))) {
    throw invalidError(`The ttlMs of "${key}" is ${ttlMs}; give a positive number of milliseconds.`, key)
  }
}

export function checkRange(range: Range): void {
  checkText(range.prefix)
  if (range.after !== undefined) checkText(range.after)
}

export function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) return
  throw invalidError(`The limit is ${limit}; give a whole number from 1, or none for all.`)
}

/** Throws unless the state at `asked` can be read: `compacted`, `future` or, for what is no revision, `invalid`. */
export function checkRevision(asked: Revision, oldest: Revision, current: Revision): void {
  if (!Number.isSafeInteger(asked) || asked < 0) {
    throw invalidError(`${asked} is not a revision; give a whole number from 0.`)
  }
  if (asked > current) throw futureError(asked, current)
  if (asked < oldest) throw compactedError(asked, oldest)
}

/** A lone surrogate has no UTF-8 form: two such keys would become one on disk. */
function checkText(text: string): void {
  if (!text.isWellFormed()) {
    throw invalidError(
      `The key ${JSON.stringify(text)} holds half of a surrogate pair; use well-formed text.`,
    )
  }
}

/** Most keys are short: their UTF-16 length, at most 3 bytes each, decides without encoding them. */
const isWiderThan = (text: string, bytesMax: number): boolean =>
  text.length > bytesMax || (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax)

/** For `skipTo`: a store that holds anything, or a history, would have a gap in it. */
export function checkSkip(to: Revision, { isEmpty }: { readonly isEmpty: boolean }): void {
  if (!Number.isSafeInteger(to) || to < 0)
    throw invalidError(`${to} is not a revision; give a whole number from 0.`)
  if (!isEmpty)
    throw invalidError(
      'Revisions can be left out in an empty store only; delete everything and compact first.',
    )
}
