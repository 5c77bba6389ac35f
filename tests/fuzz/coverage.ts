/** Which code has been run, by V8's block counters of this thread; and whether that is any that had not been run before. */
import { Session } from 'node:inspector'

/** A byte of a function's source. */
export interface Place {
  readonly fn: string
  readonly offset: number
}

export interface Coverage extends Disposable {
  /** How many functions have been run so far. */
  readonly functions: number
  /** Some code that was run since the last question and never before. */
  takeNew(): Place | undefined
  /** Whether the code there was run since the last question. */
  reaches(place: Place): boolean
}

interface FunctionCoverage {
  /** The function itself first, then the blocks in it, outer before inner. */
  readonly ranges: readonly {
    readonly startOffset: number
    readonly endOffset: number
    readonly count: number
  }[]
}

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly FunctionCoverage[]
}

/** Code of the project itself: libraries are their authors' to test. */
const isOurs = (url: string): boolean => url.includes('/src/')

export function openCoverage(): Coverage {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters: object = {}): unknown => {
    let answer: unknown
    // Sessions with one's own thread answer before `post` returns.
    session.post(method, parameters, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  /** Of each function, the bytes that have been run. */
  const reached = new Map<string, Uint8Array>()
  const take = () =>
    bytesOf((post('Profiler.takePreciseCoverage') as { result: readonly ScriptCoverage[] }).result)
  return {
    get functions() {
      return reached.size
    },
    takeNew() {
      let place: Place | undefined
      for (const [fn, bytes] of take()) {
        const known = reached.get(fn)
        if (known) {
          for (let offset = 0; offset < bytes.length; offset++) {
            if (bytes[offset] === 0 || known[offset] === 1) continue
            known[offset] = 1
            place = { fn, offset }
          }
        } else {
          reached.set(fn, bytes)
          place = { fn, offset: bytes.indexOf(1) }
        }
      }
      return place
    },
    reaches: ({ fn, offset }) => take().get(fn)?.[offset] === 1,
    [Symbol.dispose]: () => session.disconnect(),
  }
}

/** Each function that was run, with a 1 for each byte of it that was: an inner range says it of its part. */
function bytesOf(scripts: readonly ScriptCoverage[]): Map<string, Uint8Array> {
  const all = new Map<string, Uint8Array>()
  for (const { functions, url } of scripts) {
    if (!isOurs(url)) continue
    for (const { ranges } of functions) {
      const [whole] = ranges
      if (whole === undefined || whole.count === 0) continue
      const bytes = new Uint8Array(whole.endOffset - whole.startOffset)
      for (const { count, endOffset, startOffset } of ranges)
        bytes.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset)
      all.set(`${url}:${whole.startOffset}`, bytes)
    }
  }
  return all
}
