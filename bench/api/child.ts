/** Processes of a benchmark that would disturb what they measure if they shared its thread: questions and answers over Node's channel. */
import { fork } from 'node:child_process'
import { once } from 'node:events'

export interface Child extends AsyncDisposable {
  /** Rejects with what the other side threw. */
  ask<Answer>(question: string, argument?: unknown): Promise<Answer>
}

interface Question {
  readonly id: number
  readonly question: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

/** `file` calls `answerQuestions`. */
export function startChild(file: string, args: readonly string[], execArgv: readonly string[] = []): Child {
  const child = fork(file, args, { execArgv: [...execArgv, '--no-warnings'], serialization: 'json' })
  const exited = once(child, 'exit')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  child.on('message', ({ answer, error, id }: Answer) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(answer)
    else asked?.reject(new Error(error))
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`))
  })
  return {
    ask<T>(question: string, argument?: unknown) {
      const asked = Promise.withResolvers<unknown>()
      waiting.set(++last, asked)
      child.send({ id: last, question, argument } satisfies Question)
      return asked.promise as Promise<T>
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

/** The other side. The process ends when its parent lets go of it. */
export function answerQuestions(
  answers: Readonly<Record<string, (argument: never) => unknown>>,
  end: () => void | Promise<void> = () => {},
): void {
  const answerOf = async ({ argument, id, question }: Question): Promise<Answer> => {
    try {
      return { id, answer: await answers[question]?.(argument as never) }
    } catch (error) {
      return { id, error: String(error) }
    }
  }
  process.on('message', (asked: Question) => {
    void answerOf(asked).then((answer) => process.send?.(answer))
  })
  process.once('disconnect', () => {
    void Promise.resolve(end()).finally(() => process.exit())
  })
}

/** Processor seconds of this process so far: all of it, and its main thread. */
export function cpuSeconds(): { readonly all: number; readonly main: number } {
  const [all, main] = [process.cpuUsage(), process.threadCpuUsage()]
  return { all: (all.user + all.system) / 1e6, main: (main.user + main.system) / 1e6 }
}
