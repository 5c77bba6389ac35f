import assert from 'node:assert/strict'
import { execFile, spawn, type ExecFileException } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { findMountSupport } from './mount-support.ts'
import { enterCommand, mountCommand, mountSteps, type Mount } from './mounts.ts'

const support = await findMountSupport()

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sampan-mounts-'))
  await chmod(folder, 0o777)
})
after(() => rm(folder, { recursive: true, force: true }))

const mount = (mountPath: string, change: Partial<Mount> = {}): Mount => ({
  source: '/src',
  mountPath,
  readOnly: false,
  isFile: false,
  ...change,
})
const there = new Set(['/', '/etc', '/etc/hosts', '/srv', '/srv/app'])
const exists = (path: string) => there.has(path)

const rows: { name: string; mounts: Mount[]; want: string }[] = [
  {
    name: 'an existing folder is only bound',
    mounts: [mount('/srv/app')],
    want: 'folder /srv/app bind /src /srv/app',
  },
  {
    name: 'a missing one below a folder gets an overlay',
    mounts: [mount('/etc/config', { readOnly: true })],
    want: 'overlay /etc /x/overlay0 folder /x/overlay0/merged/config bind-ro /src /x/overlay0/merged/config cover /etc /x/overlay0/merged',
  },
  {
    name: 'a missing one below / gets a new root',
    mounts: [mount('/data/a')],
    want: 'root /x/root folder /data/a bind /src /data/a',
  },
  {
    name: 'outer mounts come before inner ones',
    mounts: [mount('/srv/app/inner'), mount('/srv/app')],
    want: 'overlay /srv/app /x/overlay0 folder /x/overlay0/merged bind /src /x/overlay0/merged folder /x/overlay0/merged/inner bind /src /x/overlay0/merged/inner cover /srv/app /x/overlay0/merged',
  },
  {
    name: 'one file',
    mounts: [mount('/etc/hosts', { isFile: true })],
    want: 'file /etc/hosts bind /src /etc/hosts',
  },
  {
    name: 'the outer of two overlays is enough',
    mounts: [mount('/srv/new'), mount('/srv/app/new')],
    want: 'overlay /srv /x/overlay0 folder /x/overlay0/merged/new bind /src /x/overlay0/merged/new folder /x/overlay0/merged/app/new bind /src /x/overlay0/merged/app/new cover /srv /x/overlay0/merged',
  },
]
for (const { name, mounts, want } of rows)
  test(`steps: ${name}`, () => assert.equal(mountSteps({ mounts, scratch: '/x', exists }).join(' '), want))

const path = process.env['PATH'] ?? ''

test('without mounts the command stays as it is', () => {
  const argv = ['/bin/true']
  assert.equal(mountCommand({ mounts: [], argv, cwd: '/', path, scratch: '/x', user: 'root', exists }), argv)
})

test('what makes the mounts is never looked for where the program looks', async (t) => {
  if (!support.usable) return t.skip(support.reason)
  const planted = join(folder, 'planted')
  await mkdir(planted)
  for (const name of ['unshare', 'mkdir', 'mount'])
    await writeFile(join(planted, name), '#!/bin/sh\necho taken over\n', { mode: 0o755 })
  const { user } = support
  const mounts = [mount(join(folder, 'taken'), { source: planted })]
  const argv = ['/bin/sh', '-c', 'echo "$PATH"']
  const scratch = join(folder, 'scratch')
  const command = mountCommand({ mounts, argv, cwd: '/', path: planted, scratch, user, exists: existsSync })
  const { output } = await run(['/usr/bin/env', `PATH=${planted}`, ...command], false)
  assert.equal(output, `${planted}\n`)
})

interface Ran {
  readonly code: number
  readonly output: string
}
const run = (argv: readonly string[], asNobody: boolean): Promise<Ran> => {
  const drop = asNobody ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : []
  const [program = '', ...args] = [...drop, ...argv]
  return new Promise((resolve) => {
    execFile(program, args, (error: ExecFileException | null, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
  })
}

const isRoot = process.getuid?.() === 0
const users = [
  { name: 'root', asNobody: false, user: 'root' as const, skip: !isRoot },
  { name: 'an ordinary user', asNobody: true, user: { uid: 65534, gid: 65534 }, skip: !isRoot },
]
for (const { name, asNobody, user, skip } of users) {
  const why = skip ? 'needs root to play both users' : !support.usable ? support.reason : false
  test(
    `volumes show at their mount path, for ${name}, and leave no trace on the machine`,
    { skip: why },
    async () => {
      const own = join(folder, name.replaceAll(' ', '-'))
      const config = join(own, 'config')
      const scratch = join(own, 'scratch')
      await mkdir(config, { recursive: true })
      await mkdir(scratch)
      await writeFile(join(config, 'app.yaml'), 'key: value\n')
      for (const path of [own, scratch, config]) await chmod(path, 0o777)
      const before_ = await readdir('/etc')
      const mounts = [
        mount('/etc/sampan-test', { source: config, readOnly: true }),
        mount('/sampan-test/deep', { source: config }),
        // Beside the volume's own folder: its parent is covered by an overlay, the volume must not be.
        mount(join(own, 'beside'), { source: config }),
        mount('/opt/sampan-one.yaml', { source: join(config, 'app.yaml'), isFile: true }),
      ]
      const script = [
        'cat /etc/sampan-test/app.yaml /sampan-test/deep/app.yaml /opt/sampan-one.yaml',
        'test -e /etc/passwd; test -r /proc/self/stat; test -e /tmp',
        'id -u; pwd',
        'echo new > /sampan-test/deep/written',
        `echo new > ${join(own, 'beside', 'beside')}`,
        '! { echo x > /etc/sampan-test/app.yaml; } 2>/dev/null',
      ].join(' && ')
      const argv = ['/bin/sh', '-c', script]
      const command = mountCommand({
        mounts,
        argv,
        cwd: '/sampan-test/deep',
        path,
        scratch,
        user,
        exists: existsSync,
      })
      const { code, output } = await run(command, asNobody)
      assert.equal(output, `${'key: value\n'.repeat(3)}${asNobody ? 65534 : 0}\n/sampan-test/deep\n`)
      assert.equal(code, 0)
      assert.deepEqual((await readdir(config)).toSorted(), ['app.yaml', 'beside', 'written'])
      assert.deepEqual(await readdir('/etc'), before_)
      assert.ok(!existsSync('/sampan-test') && !existsSync('/opt/sampan-one.yaml'))
    },
  )
}

for (const { name, asNobody, user, skip } of users) {
  const why = skip ? 'needs root to play both users' : !support.usable ? support.reason : false
  test(
    `a volume shows below a folder in which the machine has mounted something, for ${name}`,
    { skip: why },
    async () => {
      const own = join(folder, `mounted-${asNobody}`)
      const [parent, config, scratch] = [join(own, 'run'), join(own, 'config'), join(own, 'scratch')]
      for (const path of [join(parent, 'user'), config, scratch]) await mkdir(path, { recursive: true })
      for (const path of [own, scratch]) await chmod(path, 0o777)
      await writeFile(join(config, 'note'), 'of the volume\n')
      await writeFile(join(parent, 'file'), 'beside it\n')
      await symlink('file', join(parent, 'link'))
      const at = join(parent, 'secrets', 'deep')
      const argv = ['/bin/sh', '-c', `cat ${at}/note ${parent}/file ${parent}/link; ls ${parent}`]
      const mounts = [mount(at, { source: config })]
      const command = mountCommand({ mounts, argv, cwd: '/', path, scratch, user, exists: existsSync })
      const drop = asNobody ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
      const mounted = `mount -t tmpfs machine ${join(parent, 'user')} && exec "$@"`
      const ran = await run(['unshare', '--mount', 'sh', '-c', mounted, 'sh', ...drop, ...command], false)
      const seen = 'of the volume\nbeside it\nbeside it\nfile\nlink\nsecrets\nuser\n'
      assert.deepEqual(ran, { code: 0, output: seen })
      assert.deepEqual((await readdir(parent)).toSorted(), ['file', 'link', 'user'])
    },
  )
}

for (const { name, asNobody, user, skip } of users) {
  const why = skip ? 'needs root to play both users' : !support.usable ? support.reason : false
  test(`what lies within a volume is mounted over no link, for ${name}`, { skip: why }, async () => {
    const own = join(await realpath(folder), `held-${asNobody}`)
    const [volume, scratch] = [join(own, 'volume'), join(own, 'scratch')]
    for (const path of [join(volume, 'sub', 'deep'), scratch, join(own, 'machine', 'deep')])
      await mkdir(path, { recursive: true })
    for (const path of [own, scratch, join(volume, 'sub', 'deep')]) await chmod(path, 0o777)
    await writeFile(join(volume, 'sub', 'deep', 'note'), 'of the volume\n')
    await writeFile(join(own, 'machine', 'deep', 'note'), 'of the machine\n')
    const source = join(volume, 'sub', 'deep')
    const mounts = [
      mount('/sampan-held/open', { source, unsteady: source }),
      mount('/sampan-held/fixed', { source, unsteady: source, readOnly: true }),
    ]
    const script = 'cat */note; echo x >open/x && { echo x >fixed/x; } 2>/dev/null || echo fixed'
    const argv = ['/bin/sh', '-c', script]
    const input = { mounts, argv, cwd: '/sampan-held', path, user, exists: existsSync }
    const seen = await run(mountCommand({ ...input, scratch: join(scratch, 'one') }), asNobody)
    assert.deepEqual(seen, { code: 0, output: 'of the volume\nof the volume\nfixed\n' })
    await rename(join(volume, 'sub'), join(volume, 'aside'))
    await symlink(join(own, 'machine'), join(volume, 'sub'))
    const refused = await run(mountCommand({ ...input, scratch: join(scratch, 'two') }), asNobody)
    assert.equal(refused.code, 126)
    assert.match(refused.output, /leads over a symbolic link/)
    assert.doesNotMatch(refused.output, /of the machine/)
  })
}

for (const { name, asNobody, user, skip } of users) {
  const why = skip ? 'needs root to play both users' : !support.usable ? support.reason : false
  test(`a command can be run among the mounts of a running program, for ${name}`, { skip: why }, async () => {
    const own = join(folder, `enter-${name.replaceAll(' ', '-')}`)
    await mkdir(own)
    await chmod(own, 0o777)
    await writeFile(join(own, 'f'), 'inside')
    const mounts = [mount('/sampan-enter', { source: own })]
    const argv = ['/bin/sh', '-c', 'echo up; exec sleep 60']
    const [program = '', ...args] = [
      ...(asNobody ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : []),
      ...mountCommand({
        mounts,
        argv,
        cwd: '/sampan-enter',
        path,
        scratch: join(own, 'scratch'),
        user,
        exists: existsSync,
      }),
    ]
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(child.stdout, 'data')
      const command = enterCommand(['cat', 'f'], { pid: child.pid ?? 0, user, nsenter: '/usr/bin/nsenter' })
      assert.deepEqual(await run(command, asNobody), { code: 0, output: 'inside' })
    } finally {
      child.kill('SIGKILL')
    }
  })
}
