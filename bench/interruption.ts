/** SIGINT and SIGTERM as an abort, so that a benchmark ends what it has started; a second one ends it at once. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal
}

const signals = ['SIGINT', 'SIGTERM'] as const

export function openInterruption(): Interruption {
  const controller = new AbortController()
  const abort = (name: NodeJS.Signals) => {
    stopListening()
    controller.abort(new Error(`interrupted by ${name}`))
  }
  const stopListening = () => {
    for (const name of signals) process.off(name, abort)
  }
  for (const name of signals) process.on(name, abort)
  return { signal: controller.signal, [Symbol.dispose]: stopListening }
}
