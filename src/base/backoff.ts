import type { Random } from './ids.ts'

export interface BackoffOptions {
  readonly baseMs: number
  readonly factor: number
  readonly capMs: number
  /** Share of the delay that is random, 0..1: keeps a crowd from coming back in step. */
  readonly jitter?: number
}

/** The delay before attempt `n` (0 is the first retry): base × factorⁿ, capped, less up to `jitter` of itself. */
export function backoffMs(n: number, options: BackoffOptions, random?: Random): number {
  const plain = Math.min(options.capMs, options.baseMs * options.factor ** Math.min(n, 64))
  const jitter = options.jitter ?? 0
  return random && jitter > 0 ? plain * (1 - jitter * random.float()) : plain
}
