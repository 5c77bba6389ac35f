import { randomBytes, randomInt, randomUUID } from 'node:crypto'

/** A source of randomness, passed like the clock so that simulations can seed it. */
export interface Random {
  /** RFC 4122 version 4 UUID. */
  uuid(): string
  /** `length` characters of Kubernetes' generateName alphabet (no vowels, no look-alikes). */
  suffix(length: number): string
  /** Uniform in [0, 1). */
  float(): number
  /** `bytes` of secret randomness, base64url. */
  token(bytes: number): string
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

export const realRandom: Random = {
  uuid: () => randomUUID(),
  suffix: (length) => Array.from({ length }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join(''),
  float: () => randomInt(2 ** 47) / 2 ** 47,
  token: (bytes) => randomBytes(bytes).toString('base64url'),
}

/** A reproducible source (mulberry32) for tests and simulations; `token` is not secret. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const float = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const hex = (n: number) => Array.from({ length: n }, () => Math.floor(float() * 16).toString(16)).join('')
  return {
    float,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    suffix: (length) =>
      Array.from({ length }, () => suffixAlphabet[Math.floor(float() * suffixAlphabet.length)]).join(''),
    token: (bytes) => Buffer.from(hex(bytes * 2), 'hex').toString('base64url'),
  }
}
