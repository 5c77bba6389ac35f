// A node:test reporter that runs in the process of one file of tests and tells `test-file.ts` by lines of JSON, each written before
// the next thing happens: how many tests are under way, what became of each, and last what the process has cost.
import { appendFileSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'

const file = process.env.SAMPAN_TEST_REPORT
const tell = (record) => appendFileSync(file, `${JSON.stringify(record)}\n`)
/** A process that goes on for this long without any test under way says what keeps it. */
const idleMs = 5_000

/** What Node.js itself says in the end. */
const isCount = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

process.on('exit', () => tell({ cpuMs: processorMs() }))

export default async function* report(source) {
  const path = []
  const [underWay, suites] = [new Set(), new Set()]
  let timer
  const told = () => {
    clearTimeout(timer)
    if (underWay.size === 0)
      timer = setTimeout(() => tell({ keeps: process.getActiveResourcesInfo() }), idleMs).unref()
  }
  for await (const { type, data } of source) {
    if (type === 'test:enqueue') {
      underWay.add(data.testId)
      if (data.type === 'suite') suites.add(data.testId)
      told()
      tell({ begun: data.name, id: data.testId })
    } else if (type === 'test:complete') {
      underWay.delete(data.testId)
      told()
      tell({ over: data.testId })
    } else if (type === 'test:start') {
      path.splice(data.nesting, path.length, data.name)
      if (suites.has(data.testId)) tell({ suite: data.name, nesting: data.nesting })
    } else if (type === 'test:diagnostic' && !isCount.test(data.message))
      tell({ note: data.message, nesting: data.nesting })
    else if (type === 'test:pass' || type === 'test:fail')
      tell({ ...outcome(type, data), path: [...path.slice(0, data.nesting), data.name] })
  }
  yield '' // nothing for people: all is told
}

function outcome(type, { details, skip }) {
  const ms = Math.round(details?.duration_ms ?? 0)
  const isSuite = details?.type === 'suite'
  const skipped = skip === undefined || skip === false ? undefined : String(skip)
  if (type === 'test:pass')
    return { outcome: skipped === undefined ? 'passed' : 'skipped', isSuite, ms, why: skipped }
  const { error } = details
  // A suite fails with its tests, which have been told of; or by itself, in a hook.
  const isWithTests = isSuite && error?.failureType === 'subtestsFailed'
  return { outcome: 'failed', isSuite: isWithTests, ms, why: inspect(error?.cause ?? error) }
}

/** Of this process and of those that it has seen end, where Linux counts them. */
function processorMs() {
  const { system, user } = process.cpuUsage()
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1).split(' ')
    const ticksMs = 10 // 100 a second wherever Node.js runs
    return Math.round((user + system) / 1000 + (Number(fields[13]) + Number(fields[14])) * ticksMs)
  } catch {
    return Math.round((user + system) / 1000) // no such file outside Linux
  }
}
