/** The thread behind `yaml.ts`: one job after the other, until it is ended. */
import { parentPort } from 'node:worker_threads'
import { isStatusError } from '../api/status.ts'
import { parseYaml } from './yaml-body.ts'

export interface Job {
  readonly kind: 'parse' | 'stringify'
  /** YAML to parse, or JSON to say in YAML. */
  readonly text: string
}

/** The same the other way round, or why not. */
export type Answer = { readonly text: string } | { readonly refusal: string }

async function answerTo({ kind, text }: Job): Promise<Answer> {
  if (kind === 'stringify') {
    const { stringify } = await import('yaml')
    return { text: stringify(JSON.parse(text)) }
  }
  try {
    return { text: JSON.stringify(await parseYaml(Buffer.from(text))) }
  } catch (error) {
    if (isStatusError(error)) return { refusal: error.message }
    throw error
  }
}

// Whatever else goes wrong ends the thread, and whoever has started it hears of it.
parentPort?.on('message', (job: Job) => void answerTo(job).then((answer) => parentPort?.postMessage(answer)))
