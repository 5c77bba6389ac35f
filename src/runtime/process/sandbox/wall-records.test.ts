import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noPacketFilter } from '../testdata/packet-filter.ts'

const skip = noPacketFilter()
const folder = mkdtempSync(join(tmpdir(), 'sampan-walls-'))
after(() => rmSync(folder, { recursive: true }))

test('only walls are swept whose agent is gone with all its pods', { skip }, () => {
  const [filter, records] = ['./network-wall.ts', './wall-records.ts'].map((path) =>
    JSON.stringify(import.meta.resolve(path)),
  )
  const common = `
    import { spawn, spawnSync } from 'node:child_process'
    import { once } from 'node:events'
    import { readdirSync, writeFileSync } from 'node:fs'
    const { raiseWall, readWall, wallChainOf } = await import(${filter})
    const { noteWall, sweepWalls } = await import(${records})
    const folder = ${JSON.stringify(folder)}
    const names = ['gone', 'crowded', 'living', 'elsewhere', 'unrecorded']
    const wallOf = (name) => {
      const first = 1_700_000_000 + 1000 * names.indexOf(name)
      return { chain: wallChainOf(name), groups: { first, last: first + 999 }, own: '127.64.4.0/22', openings: [] }
    }`
  // What stands for agents that are killed: each raises a wall and ends. One of them is in another namespace.
  const agent = `${common}
    const [name] = process.argv.slice(1)
    const state = await raiseWall(wallOf(name))
    if (!state.isUp) throw new Error(state.reason)
    noteWall(wallOf(name), folder)`
  const script = `${common}
    const run = (name, ...before) => {
      const [program, ...args] = [...before, process.execPath, '--input-type=module', '--eval', ${JSON.stringify(agent)}, name]
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
    }
    run('gone')
    run('crowded')
    run('elsewhere', 'unshare', '--pid', '--fork', '--mount-proc')
    for (const name of ['living', 'unrecorded']) await raiseWall(wallOf(name))
    noteWall(wallOf('living'), folder)
    writeFileSync(folder + '/a-name-of-something-else', '')
    const standing = async () => {
      const texts = await Promise.all(names.map((name) => readWall(wallChainOf(name))))
      return names.filter((_, index) => texts[index].trim() !== '')
    }
    const nameOf = (chain) => names.find((name) => wallChainOf(name) === chain)
    const group = String(wallOf('crowded').groups.last)
    const pod = spawn('setpriv', ['--reuid', '70001', '--regid', '70001', '--groups', group, 'sh', '-c', 'echo up; exec sleep 60'])
    await once(pod.stdout, 'data')
    const before = await standing()
    const first = (await sweepWalls(folder)).map(nameOf)
    const between = await standing()
    pod.kill('SIGKILL')
    await once(pod, 'close')
    const second = (await sweepWalls(folder)).map(nameOf)
    const third = await sweepWalls(folder)
    const recorded = readdirSync(folder).flatMap((chain) => nameOf(chain) ?? [])
    console.log(JSON.stringify({ before, first, between, second, third, after: await standing(), recorded: recorded.toSorted() }))`
  // In a network of its own: the machine's packet filter is not a test's.
  const args = ['--net', process.execPath, '--input-type=module', '--eval', script]
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), {
    before: ['gone', 'crowded', 'living', 'elsewhere', 'unrecorded'],
    first: ['gone'],
    between: ['crowded', 'living', 'elsewhere', 'unrecorded'],
    second: ['crowded'],
    third: [],
    after: ['living', 'elsewhere', 'unrecorded'],
    recorded: ['elsewhere', 'living'],
  })
})
