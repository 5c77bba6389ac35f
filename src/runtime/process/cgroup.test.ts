import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { describeRuntime } from '../conformance.ts'
import type { Handle, WorkloadSpec } from '../runtime.ts'
import { createEntry } from './cgroup-entry.ts'
import { groupFolders, groupProcesses } from './cgroup.ts'
import { type CgroupTree, foldersOf, planGroup } from './cgroup-plan.ts'
import { findCgroups, findPlaces, lookForCgroups } from './find-cgroups.ts'
import { openProcessRuntime } from './process-runtime.ts'
import { findSandbox } from './sandbox/find-sandbox.ts'
import { openTestMachine, sandboxed, specsIn } from './testdata/machine.ts'

const support = await findCgroups({ name: `sampan-test-${process.pid}`, dataDir: tmpdir() })
const tree = support.usable ? support.tree : undefined
const skip = support.usable ? false : support.reason
const etcFolder = await mkdtemp(join(tmpdir(), 'sampan-etc-'))
after(() => rm(etcFolder, { recursive: true }))
const sandbox = await findSandbox(etcFolder)
after(async () => {
  for (const folder of tree ? foldersOf(tree) : []) await rmdir(folder)
})

if (tree) describeRuntime('process in control groups', () => openTestMachine({ cgroups: tree }))

const wholeCpu = { cpuMillis: 1500, cpuRequestMillis: 250, memoryBytes: 64 * 1024 * 1024, pidsMax: 99 }

test('the files of version 1 are those of the three trees', () => {
  const folders = { cpu: '/c/s', cpuacct: '/c/s', memory: '/m/s', pids: '/p/s' }
  const plan = planGroup({ version: 1, folders }, 'a', wholeCpu)
  assert.deepEqual(plan.folders, ['/c/s/a', '/m/s/a', '/p/s/a'])
  assert.deepEqual(
    plan.settings.map(({ path, value }) => `${path} ${value}`),
    [
      '/c/s/a/cpu.shares 256',
      '/c/s/a/cpu.cfs_period_us 100000',
      '/c/s/a/cpu.cfs_quota_us 150000',
      '/m/s/a/memory.limit_in_bytes 67108864',
      '/m/s/a/memory.memsw.limit_in_bytes 67108864',
      '/p/s/a/pids.max 99',
    ],
  )
})

test('the files of version 2 lie in one folder', () => {
  const plan = planGroup({ version: 2, folders: { cpu: '/g', memory: '/g', pids: '/g' } }, 'a', wholeCpu)
  assert.deepEqual(plan.folders, ['/g/a'])
  assert.deepEqual(
    plan.settings.map(({ path, value }) => `${path} ${value}`),
    [
      '/g/a/cpu.weight 10',
      '/g/a/cpu.max 150000 100000',
      '/g/a/memory.max 67108864',
      '/g/a/memory.swap.max 0',
      '/g/a/pids.max 99',
    ],
  )
})

test('what a container may read and write in a second is bounded on the disk, in the words of either version', () => {
  const io = { readBytes: 1024, writeOps: 7.5 }
  const bounds = { pidsMax: 9, io }
  const settings = (tree: CgroupTree) =>
    planGroup(tree, 'a', bounds).settings.map(({ path, value }) => `${path} ${value}`)
  assert.deepEqual(settings({ version: 1, folders: { io: '/b' }, disk: '8:0' }), [
    '/b/a/blkio.throttle.read_bps_device 8:0 1024',
    '/b/a/blkio.throttle.write_iops_device 8:0 7',
  ])
  assert.deepEqual(settings({ version: 2, folders: { io: '/g' }, disk: '8:0' }), [
    '/g/a/io.max 8:0 rbps=1024 wiops=7',
  ])
  assert.deepEqual(settings({ version: 2, folders: { io: '/g' } }), [])
})

test('what cannot be bounded is left out', () => {
  const plan = planGroup({ version: 1, folders: { pids: '/p' } }, 'a', wholeCpu)
  assert.deepEqual(plan, { folders: ['/p/a'], settings: [{ path: '/p/a/pids.max', value: '99' }] })
})

test('a start that fails leaves no group', { skip }, async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'sampan-group-'))
  t.after(() => rm(root, { recursive: true }))
  const stdoutPath = join(root, 'nowhere', 'out')
  const spec = specsIn(() => root)('failing', [process.execPath, '-e', '0'], { stdoutPath })
  await mkdir(spec.stateDir, { recursive: true })
  const runtime = openProcessRuntime({ clock: realClock, ...(tree && { cgroups: tree }) })
  const expectation = runtime.expectStart?.(spec)
  await assert.rejects(runtime.start(spec), /nowhere/)
  await expectation?.cancel()
  const folders = groupFolders(spec.stateDir)
  assert.ok(folders.length > 0, 'it had one')
  assert.deepEqual(
    folders.filter((folder) => existsSync(folder)),
    [],
  )
})

// The kernel lets a thread that moves itself in at once, and a process wait (`cgroup-entry.ts`). Time would show it, but not always.
test('a program and a command beside it enter by the list of threads where there is one', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-entry-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const lists of [['tasks', 'cgroup.procs'], ['cgroup.procs']]) {
    const runtime = openProcessRuntime({ clock: realClock })
    const group = join(folder, `group-${lists.length}`)
    await mkdir(group)
    const read = () => Promise.all(lists.map((list) => readFile(join(group, list), 'utf8')))
    const clear = () => Promise.all(lists.map((list) => writeFile(join(group, list), '')))
    const spec = specsIn(() => folder)(`enters-${lists.length}`, ['/bin/sleep', '600'])
    await mkdir(spec.stateDir, { recursive: true })
    const record = join(spec.stateDir, 'cgroups')
    await writeFile(record, `${group}\n`)
    await clear()
    const handle = await runtime.start(spec)
    try {
      assert.deepEqual(await read(), ['0\n', ''].slice(0, lists.length))
      await clear()
      await runtime.exec(handle, { argv: ['/bin/true'], timeoutMs: 10_000 })
      assert.deepEqual(await read(), ['0\n', ''].slice(0, lists.length))
    } finally {
      await rm(record) // what is no group can't be ended as one
      await runtime.stop(handle, { signal: 'SIGKILL', graceMs: 0 })
    }
  }
})

test('an entry that is announced leaves this process where it is', { skip }, async () => {
  const groups = () => readFile('/proc/self/cgroup', 'utf8')
  const before = await groups()
  const entry = createEntry(tree?.ownList)
  await Promise.all([entry.announce(), entry.announce()])
  assert.equal(await groups(), before)
  if (process.getuid?.() === 0)
    assert.equal(tree?.ownList !== undefined, tree?.version === 2, 'where it helps root sees where it is')
})

test('a process that is in a group and has no number here is none of those to be killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-group-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'cgroup.procs'), '0\n12\n0\n')
  assert.deepEqual(groupProcesses([folder]), [12])
})

test('groups are made below the own one, or where the tree begins when that is not visible', () => {
  const mounts = [
    '30 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
    '31 25 0:27 /box/7 /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
    '32 25 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  ].join('\n')
  const own = '4:memory:/user/1\n3:cpu,cpuacct:/elsewhere\n0::/user.slice/me\n'
  const { version1, version2 } = findPlaces({ own, mounts, isRoot: false })
  assert.deepEqual(version1, [
    { controller: 'memory', folders: ['/sys/fs/cgroup/memory/user/1', '/sys/fs/cgroup/memory'] },
    { controller: 'cpu', folders: ['/sys/fs/cgroup/cpu,cpuacct'] },
    { controller: 'cpuacct', folders: ['/sys/fs/cgroup/cpu,cpuacct'] },
  ])
  assert.deepEqual(version2, ['/sys/fs/cgroup/unified/user.slice/me'])
  const moved = findPlaces({ own: '0::/user.slice/me/sampan-self\n', mounts, isRoot: false })
  assert.deepEqual(moved.version2, version2, 'an agent that has moved aside finds its groups again')
  const service = '0::/user.slice/user-7.slice/user@7.service/app.slice/sampan.service\n'
  assert.equal(
    findPlaces({ own: service, mounts, isRoot: false }).version2[0],
    '/sys/fs/cgroup/unified/user.slice/user-7.slice/user@7.service',
    "not below a service of the user's systemd, which could not start it again",
  )
  assert.deepEqual(findPlaces({ own, mounts, isRoot: true }).version2, ['/sys/fs/cgroup/unified'])
})

test('a delegated group of version 2 hands its controllers on', async () => {
  const root = await mkdtemp(join(tmpdir(), 'sampan-cgroup-'))
  try {
    // Ordinary files that stand for the kernel's: a group that offers two controllers and has handed both on already.
    const write = async (folder: string) => {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'cgroup.controllers'), 'memory pids hugetlb\n')
      await writeFile(join(folder, 'cgroup.subtree_control'), 'memory pids\n')
      await writeFile(join(folder, 'cgroup.procs'), '')
    }
    await write(join(root, 'me'))
    await write(join(root, 'me', 'agent'))
    const mounts = `32 25 0:28 / ${root} rw - cgroup2 cgroup2 rw`
    const found = await findCgroups({
      name: 'agent',
      dataDir: '/nowhere',
      facts: { own: '0::/me\n', mounts, isRoot: false },
    })
    const folder = join(root, 'me', 'agent')
    assert.deepEqual(found, { usable: true, tree: { version: 2, folders: { memory: folder, pids: folder } } })
  } finally {
    await rm(root, { recursive: true })
  }
})

test('what is foreseen without making anything is what is found', async () => {
  const foreseen = await lookForCgroups()
  const found = Object.keys(tree?.folders ?? {}).filter((controller) => controller !== 'cpuacct')
  assert.deepEqual(new Set(foreseen.usable), new Set(found))
  if (tree) assert.equal(foreseen.version, tree.version)
})

test('a machine without control groups is told so', async () => {
  const found = await findCgroups({
    name: 'agent',
    dataDir: '/nowhere',
    facts: { own: '', mounts: '', isRoot: true },
  })
  assert.deepEqual(found, { usable: false, reason: 'no control groups are mounted here' })
})

describe('a workload in a control group', { skip }, () => {
  const runtime = openProcessRuntime({
    clock: realClock,
    ...(tree && { cgroups: tree }),
    ...(sandbox.usable && { sandbox: sandbox.tools }),
  })
  const never = new AbortController().signal
  const started: Handle[] = []
  let root = ''
  const specOf = specsIn(() => root)
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-groups-'))
  })
  after(async () => {
    for (const handle of started) await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 })
    await rm(root, { recursive: true })
  })
  const start = async (
    id: string,
    program: string,
    resources: NonNullable<WorkloadSpec['resources']> = {},
    inside: (spec: WorkloadSpec) => WorkloadSpec = (spec) => spec,
  ): Promise<Handle> => {
    const handle = await runtime.start(
      inside(specOf(id, [process.execPath, '--eval', program], { resources })),
    )
    started.push(handle)
    return handle
  }
  const output = (id: string) => readFile(join(root, `${id}.out`), 'utf8')
  const said = async (id: string, text: string): Promise<void> => {
    while (!(await output(id)).includes(text)) await realClock.sleep(10)
  }

  const levels = [
    { level: 'none', inside: (spec: WorkloadSpec) => spec, skip: false },
    { level: 'bubblewrap', inside: sandboxed, skip: sandbox.usable ? false : sandbox.reason },
  ] as const
  for (const { level, inside, skip } of levels) {
    const options = { skip }
    it(
      `at level ${level} is ended by the kernel when it takes too much memory, and says so`,
      options,
      async () => {
        const program = `const kept = []; while (kept.length < 512) kept.push(Buffer.alloc(1024 * 1024, 1))`
        const handle = await start(`memory-${level}`, program, { memoryBytes: 96 * 1024 * 1024 }, inside)
        const exit = await runtime.wait(handle, never)
        assert.deepEqual([exit.code, exit.signal, exit.reason], [137, 9, 'OOMKilled'])
        assert.equal(groupProcesses(groupFolders(handle.stateDir)), undefined, 'its group is removed')
        const again = await openProcessRuntime({ clock: realClock }).inspect(handle)
        assert.equal(again.phase === 'exited' && again.exit.reason, 'OOMKilled')
      },
    )

    it(`at level ${level} makes no more processes than its bound`, options, async () => {
      const program = `
        const { spawn } = require('node:child_process')
        let refused = 0, made = 0, left = 45
        for (let n = 0; n < 45; n++) {
          const child = spawn('/bin/sleep', ['20'], { stdio: 'ignore', detached: true })
          child.on('error', () => { refused++; tell() }).on('spawn', () => { made++; tell() })
        }
        const tell = () => { if (--left === 0) console.log('refused ' + (refused > 0) + ' made ' + (made < 30)) }
        setInterval(() => {}, 1000)`
      const handle = await start(`pids-${level}`, program, { pidsMax: 30 }, inside)
      await said(`pids-${level}`, 'refused')
      assert.match(await output(`pids-${level}`), /refused true made true/)
      await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 })
      const left = groupProcesses(groupFolders(handle.stateDir))
      assert.equal(left, undefined, 'those that left its process group, too')
    })
  }

  it('gets no more CPU than its quota', async () => {
    const handle = await start('cpu', 'for (;;);', { cpuMillis: 100 })
    const begin = realClock.monotonicMs()
    const before = (await runtime.stats(handle)).cpuSeconds
    let used = 0
    // The time that is measured: as long as it takes to be told from the scheduler's periods.
    while (used < 0.15 || realClock.monotonicMs() - begin < 1_500) {
      await realClock.sleep(100)
      used = (await runtime.stats(handle)).cpuSeconds - before
    }
    const share = used / ((realClock.monotonicMs() - begin) / 1000)
    assert.ok(share < 0.3, `it got ${share} of a CPU`)
  })

  const noDisk =
    tree?.disk === undefined ? 'the folder for temporary files lies on no disk that can be bounded' : false
  it('writes no faster than its limit', { skip: noDisk }, async () => {
    const program = `
      const fs = require('node:fs')
      const begin = process.hrtime.bigint()
      const fd = fs.openSync(process.argv[1], 'w')
      for (let n = 0; n < 3; n++) { fs.writeSync(fd, Buffer.alloc(1024 * 1024, n + 1)); fs.fsyncSync(fd) }
      console.log('took ' + (process.hrtime.bigint() - begin) / 1000000n + ' ms')`
    const argv = [process.execPath, '--eval', program, join(root, 'written')]
    const handle = await runtime.start(specOf('io', argv, { resources: { io: { writeBytes: 1024 * 1024 } } }))
    started.push(handle)
    assert.equal((await runtime.wait(handle, never)).code, 0)
    const tookMs = Number(/took (\d+) ms/.exec(await output('io'))?.[1])
    assert.ok(tookMs > 1_500, `3 MiB at 1 MiB a second took ${tookMs} ms`)
  })

  it('takes the commands of exec in', async () => {
    const handle = await start('exec', `setInterval(() => {}, 1000)`)
    const found = await runtime.exec(handle, { argv: ['cat', '/proc/self/cgroup'], timeoutMs: 10_000 })
    assert.match(found.output, /exec\.[0-9a-f]{16}/)
    const missing = await runtime.exec(handle, { argv: ['no-such-program'], timeoutMs: 10_000 })
    assert.equal(missing.code, 127)
  })

  it('leaves nothing behind when it ends by itself', async () => {
    const program = `
      require('node:child_process').spawn('/bin/sleep', ['300'], { stdio: 'ignore', detached: true }).unref()`
    const handle = await start('daemon', program)
    const exit = await runtime.wait(handle, never)
    assert.equal(exit.reason, 'Completed')
    for (const folder of groupFolders(handle.stateDir)) assert.equal(existsSync(folder), false)
  })
})
