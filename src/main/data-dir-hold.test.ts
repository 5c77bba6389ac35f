import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realClock } from '../base/clock.ts'
import { createDataDir, dataDir, type DataDir } from './data-dir.ts'
import { holdDataDir, readRunning } from './data-dir-hold.ts'

function newDir(t: TestContext): DataDir {
  const root = mkdtempSync(join(tmpdir(), 'sampan-hold-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dir = dataDir(root)
  createDataDir(dir)
  return dir
}

const source = (name: string) => JSON.stringify(join(import.meta.dirname, name))

/** Another process: says `held`, or why not, for each `take`. */
function other(t: TestContext, dir: DataDir) {
  const script = `
    import { createInterface } from 'node:readline'
    import { realClock } from ${source('../base/clock.ts')}
    import { dataDir } from ${source('data-dir.ts')}
    import { holdDataDir } from ${source('data-dir-hold.ts')}
    const dir = dataDir(${JSON.stringify(dir.root)})
    let hold
    const take = async () => {
      hold = await holdDataDir(dir, realClock)
      hold.note({ processes: [], api: 'http://127.0.0.1:8888' })
      return 'held'
    }
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === 'take') console.log(await take().catch((error) => error.message))
      else {
        hold?.[Symbol.dispose]()
        hold = undefined
        console.log('dropped')
      }
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  return {
    pid: child.pid,
    told: async (what: 'take' | 'drop'): Promise<string> => {
      child.stdin.write(`${what}\n`)
      const [line] = await once(lines, 'line')
      return String(line)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function holder(t: TestContext, dir: DataDir) {
  const child = other(t, dir)
  assert.equal(await child.told('take'), 'held')
  return child
}

test('of five that want it at once one gets it, and the others are told which', async (t) => {
  const dir = newDir(t)
  const all = Array.from({ length: 5 }, () => other(t, dir))
  await Promise.all(all.map(({ told }) => told('drop'))) // all of them have begun
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(all.map(({ told }) => told('take')))
    const [first, ...more] = all.filter((_, i) => answers[i] === 'held')
    assert.deepEqual([first !== undefined, more.length], [true, 0], `round ${round}: ${answers.join('; ')}`)
    const refused = answers.filter((answer) => answer !== 'held')
    for (const answer of refused)
      assert.match(answer, new RegExp(`already runs here, as process ${first?.pid}\\b`))
    await Promise.all(all.map(({ told }) => told('drop')))
  }
})

test('who comes second is told who was first, where it is and what to do', async (t) => {
  const dir = newDir(t)
  const { pid } = await holder(t, dir)
  await assert.rejects(holdDataDir(dir, realClock), {
    name: 'CommandError',
    message: `Sampan already runs here, as process ${pid}, with its API at http://127.0.0.1:8888. End it with \`kill ${pid}\`, which leaves its apps running, or with \`sampan down --data-dir ${dir.root}\`, which ends them, too; or start another one with a different --data-dir`,
  })
  assert.equal(readRunning(dir)?.supervisor.pid, pid, 'what it says of itself stays')
})

test('what a killed holder leaves holds up nobody', async (t) => {
  const dir = newDir(t)
  const child = await holder(t, dir)
  await child.kill()
  assert.equal(readRunning(dir)?.supervisor.pid, child.pid)
  using _ = await holdDataDir(dir, realClock)
  assert.equal(readRunning(dir)?.supervisor.pid, process.pid)
})

test('one that came without a lock, of an earlier version, is found by what it says of itself', async (t) => {
  const dir = newDir(t)
  const child = await holder(t, dir)
  const file = join(dir.run, 'up.json')
  const said = readFileSync(file)
  rmSync(join(dir.run, 'lock')) // the next one locks another file of that name
  writeFileSync(file, said)
  await assert.rejects(holdDataDir(dir, realClock), new RegExp(`already runs here, as process ${child.pid}`))
})

test('parts of a killed holder that still run are known to the next, and to the one after it', async (t) => {
  const dir = newDir(t)
  await holder(t, dir)
  const left = readRunning(dir)?.supervisor
  assert(left)
  const part = { ...left, name: 'server' }
  {
    const dead = { ...left, startTicks: 0 }
    rmSync(join(dir.run, 'lock'))
    writeFileSync(join(dir.run, 'up.json'), JSON.stringify({ supervisor: dead, processes: [part] }))
  }
  using hold = await holdDataDir(dir, realClock)
  assert.deepEqual(hold.inherited, [part])
  assert.deepEqual(readRunning(dir)?.processes, [part])
})

test('who lets go leaves nothing that says it runs', async (t) => {
  const dir = newDir(t)
  {
    using _ = await holdDataDir(dir, realClock)
  }
  assert.equal(readRunning(dir), undefined)
  using _ = await holdDataDir(dir, realClock)
})
