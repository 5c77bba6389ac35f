/**
 * Certificates end. A part of Sampan looks every hour whether a newer one lies in its file, or whether it is time to get
 * one, and then ends: its supervisor starts it again with the new one within a second, and apps don't notice.
 */
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'

export interface RenewalOptions {
  /** PEM of the certificate in use. */
  readonly certificate: string
  /** PEM of what lies in the file by now. */
  readonly present: () => Promise<string>
  /** Puts a new one in its place; called when a third of the life of the one in the file is left. Unset: somebody else does. */
  readonly renew?: (signal: AbortSignal) => Promise<void>
  /** Called once, when a newer certificate is there. */
  readonly onRenewed: () => void
  readonly clock: Clock
  readonly logger: Logger
}

const lookMs = 3_600_000

export function watchCertificate(options: RenewalOptions): AsyncDisposable {
  const { certificate, clock, logger, onRenewed, present, renew } = options
  const stop = new AbortController()
  const look = async (): Promise<boolean> => {
    let found = await present()
    if (renew && isDue(found, clock.now())) {
      await renew(stop.signal)
      found = await present()
    }
    return found.trim() !== certificate.trim()
  }
  const run = async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(lookMs, stop.signal).catch(() => {}) // stopped: the loop ends
      if (stop.signal.aborted) return
      try {
        if (await look()) return onRenewed()
      } catch (error) {
        logger.warn('the certificate could not be renewed, trying again in an hour', {
          error: describeError(error),
        })
      }
    }
  }
  const running = run()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('disposed'))
      await running
    },
  }
}

/** Whether less than a third of its life is left. */
export function isDue(pem: string, now: Date): boolean {
  const { validFrom, validTo } = new X509Certificate(pem)
  const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)]
  return now.getTime() > toMs - (toMs - fromMs) / 3
}

/** What `onRenewed` does in a process of Sampan: ends it as its supervisor would. */
export const endProcess = (): void => void process.kill(process.pid, 'SIGTERM')
