import { colon, cr, lf, refused, space, tab, tokenBytes, valueBytes } from './header-fields.ts'

/**
 * Follows a chunked body (RFC 9112 § 7.1) through any segmentation without copying it: the bytes pass on verbatim,
 * the scanner only says where the body ends and refuses what two peers could read differently.
 *
 *   size ──┬─ extension ─┐            data ── dataCr ── dataLf ── size
 *          └─────────────┴─ sizeLf ──┤
 *                                    trailerStart ─┬─ trailerName ── trailerValue ── trailerLf ── trailerStart
 *                                                  └─ endLf ── done
 */
export class ChunkScanner {
  isDone = false
  problem = ''
  #state: State = sizeState
  #sizeBytes = 0
  #size = 0
  #lineBytes = 0
  #trailerBytes = 0

  reset(): void {
    this.isDone = false
    this.problem = ''
    this.#state = sizeState
    this.#sizeBytes = 0
    this.#size = 0
    this.#lineBytes = 0
    this.#trailerBytes = 0
  }

  /** Takes bytes from `start`; gives the offset behind the last one that belongs to the body, or `refused`. */
  scan(buf: Buffer, start: number): number {
    const end = buf.length
    let at = start
    while (at < end && !this.isDone) {
      if (this.#state === dataState) {
        const taken = Math.min(this.#size, end - at)
        at += taken
        this.#size -= taken
        if (this.#size === 0) this.#state = dataCrState
      } else if (!this.#step(buf[at++] as number)) return refused
    }
    return at
  }

  #step(byte: number): boolean {
    switch (this.#state) {
      case sizeState:
      case extensionState:
      case sizeLfState:
        return this.#sizeLine(byte)
      case dataState:
        return false
      case dataCrState:
        return byte === cr ? this.#to(dataLfState) : this.#refuse('chunk-end')
      case dataLfState:
        this.#sizeBytes = 0
        this.#lineBytes = 0
        return byte === lf ? this.#to(sizeState) : this.#refuse('chunk-end')
      default:
        return ++this.#trailerBytes > trailerBytesMax
          ? this.#refuse('trailers-too-long')
          : this.#trailer(byte)
    }
  }

  #sizeLine(byte: number): boolean {
    if (this.#state === sizeLfState) {
      if (byte !== lf) return this.#refuse('chunk-size')
      return this.#to(this.#size === 0 ? trailerStartState : dataState)
    }
    if (++this.#lineBytes > sizeLineBytesMax) return this.#refuse('chunk-extension-too-long')
    if (this.#state === sizeState) {
      const digit = hexDigit(byte)
      if (digit >= 0) {
        this.#size = this.#size * 16 + digit
        return ++this.#sizeBytes <= sizeDigitsMax || this.#refuse('chunk-size')
      }
      if (this.#sizeBytes === 0) return this.#refuse('chunk-size')
      if (byte === semicolon) return this.#to(extensionState)
      return byte === cr ? this.#to(sizeLfState) : this.#refuse('chunk-size')
    }
    if (byte === cr) return this.#to(sizeLfState)
    return valueBytes[byte] === 1 || this.#refuse('chunk-extension')
  }

  #trailer(byte: number): boolean {
    switch (this.#state) {
      case trailerStartState:
        if (byte === cr) return this.#to(endLfState)
        return tokenBytes[byte] === 1 ? this.#to(trailerNameState) : this.#refuse('trailer')
      case trailerNameState:
        if (byte === colon) return this.#to(trailerValueState)
        return tokenBytes[byte] === 1 || this.#refuse('trailer')
      case trailerValueState:
        if (byte === cr) return this.#to(trailerLfState)
        return valueBytes[byte] === 1 || byte === space || byte === tab || this.#refuse('trailer')
      case trailerLfState:
        return byte === lf ? this.#to(trailerStartState) : this.#refuse('trailer')
      default:
        if (byte !== lf) return this.#refuse('trailer')
        this.isDone = true
        return true
    }
  }

  #to(state: State): true {
    this.#state = state
    return true
  }

  #refuse(problem: string): false {
    this.problem = problem
    return false
  }
}

type State = number
const sizeState = 0
const extensionState = 1
const sizeLfState = 2
const dataState = 3
const dataCrState = 4
const dataLfState = 5
const trailerStartState = 6
const trailerNameState = 7
const trailerValueState = 8
const trailerLfState = 9
const endLfState = 10

/** Thirteen hex digits stay an exact number; a chunk of 4 PiB does not exist. */
const sizeDigitsMax = 13
/** Extensions are unused in practice; a long one is an attack on whoever copies them. */
const sizeLineBytesMax = 256
const trailerBytesMax = 8 * 1024
const semicolon = 59

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
