/** To a process or, below zero, to a group of processes. One that has ended by itself in the meantime is fine. */
export function sendSignal(target: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(target, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
