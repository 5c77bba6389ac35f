import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Bind } from '../../runtime.ts'
import { findProgram } from './find-program.ts'
import { holdBinds } from './held-binds.ts'
import { makeMountPoint } from './mount-point.ts'
import { problemOf } from './system-places.ts'

const run = promisify(execFile)
const above = realpathSync(mkdtempSync(join(tmpdir(), 'sampan-held-')))
chmodSync(above, 0o755)
after(() => rmSync(above, { recursive: true }))
let count = 0
let root = ''
const at = (...names: readonly string[]) => join(root, ...names)
beforeEach(() => {
  root = join(above, String(count++))
  for (const folder of ['volume/way', 'inner', 'state', 'machine/under'])
    mkdirSync(join(root, folder), { recursive: true })
})

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }
const ordinary = isRoot ? nobody : {}
const canMount = async (user: object, ...options: readonly string[]): Promise<boolean> =>
  findProgram('unshare') !== undefined &&
  (await run('unshare', [...options, '--mount', 'true'], { cwd: above, ...user }).then(
    () => true,
    () => false,
  ))
const agents = [
  {
    name: 'root',
    user: 'root' as const,
    skip: (await canMount({})) ? false : 'its mounts need root',
  },
  {
    name: 'an ordinary user',
    user: nobody,
    skip: (await canMount(ordinary, '--user', '--map-root-user'))
      ? false
      : 'one may make no namespaces here, or may not read this folder',
  },
]

for (const { name, skip, user } of agents)
  describe(`volumes within others that pods write to, of ${name}`, { skip }, () => {
    const outer = (): Bind => ({ source: at('volume'), path: '/data', readOnly: false })
    const inner = (path: string, extra: Partial<Bind> = {}): Bind => ({
      source: at('inner'),
      path,
      readOnly: false,
      ...extra,
    })
    const hold = (...binds: readonly Bind[]) => holdBinds(binds, at('state'), user)
    /** What a command finds in the mounts that bubblewrap would go on with. */
    const seen = async (command: readonly string[], script: string): Promise<string> => {
      const runner = user === 'root' ? {} : ordinary
      if (runner === nobody) await run('chown', ['--recursive', String(nobody.uid), root])
      const [program, ...args] = [...command, '/bin/sh', '-c', script]
      const { stdout } = await run(program, args, { cwd: at('state'), ...runner })
      return stdout
    }

    it('are mounted in there, and bubblewrap is given the whole', async () => {
      writeFileSync(at('inner', 'note'), 'inner\n')
      writeFileSync(at('machine', 'file'), 'a file\n')
      const file: Bind = { source: at('machine', 'file'), path: '/data/way/new/file', readOnly: true }
      const { binds, command } = hold(inner('/data/made/deep', { readOnly: true }), file, outer())
      assert.deepEqual(binds, [{ source: at('state', 'bind-0'), path: '/data', readOnly: false }])
      const script = `
      cat bind-0/made/deep/note bind-0/way/new/file
      for f in bind-0/made bind-0/made/deep bind-0/way/new/file; do (: >>$f/x || : >>$f) 2>/dev/null && echo "writes $f"; done
      true`
      assert.equal(await seen(command, script), 'inner\na file\nwrites bind-0/made\n')
      assert.equal(existsSync(at('state', 'bind-0', 'made')), false, 'in a namespace of its own')
    })

    it('stay writable in one that is read-only, each in the next', async () => {
      mkdirSync(at('volume', 'way', 'deeper'))
      const all = hold(
        { ...outer(), readOnly: true },
        inner('/data/way'),
        inner('/data/way/deep', { source: at('machine') }),
      )
      assert.equal(all.binds.length, 1)
      const script = `(: >bind-0/x) 2>/dev/null || echo held; : >bind-0/way/x; : >bind-0/way/deep/y; echo done`
      assert.equal(await seen(all.command, script), 'held\ndone\n')
      assert.ok(existsSync(at('inner', 'x')) && existsSync(at('machine', 'y')))
    })

    it('are mounted nowhere else when a link comes up on the way', async () => {
      const links = { way: at('machine'), 'way/under': '../../machine/under' }
      for (const [link, target] of Object.entries(links)) {
        const { command } = hold(outer(), inner('/data/way/under'))
        renameSync(at('volume', link), at('volume', 'aside'))
        symlinkSync(target, at('volume', link))
        await assert.rejects(seen(command, 'echo begun'), {
          code: 126,
          stdout: '',
          stderr: /\/data\/way\/under/,
        })
        rmSync(at('volume', link))
        renameSync(at('volume', 'aside'), at('volume', link))
      }
    })

    it('are refused below a file, with the place in words of the pod', () => {
      writeFileSync(at('volume', 'file'), '')
      const binds = [outer(), inner('/data/file/under')]
      assert.equal(problemOf(binds), undefined)
      assert.throws(() => hold(...binds), {
        code: 'start-failed',
        message: /^a volume can't be mounted at \/data\/file\/under/,
      })
    })

    it('are made nowhere above the outer one', () => {
      for (const path of ['/data/../escaped', '/data/way/../../escaped/too', '/data/./way/../..'])
        assert.throws(() => hold(outer(), inner(path)), { code: 'start-failed' })
      assert.ok(!existsSync(at('escaped')))
    })

    it('are refused when what they go over is taken away', async () => {
      const { command } = hold(outer(), inner('/data/way'))
      rmSync(at('volume', 'way'), { recursive: true })
      await assert.rejects(seen(command, 'echo begun'), { code: 126, stdout: '' })
    })

    it('are nothing to hold where nobody but the agent writes to the outer one', () => {
      const program: Bind = { source: '/opt/app', path: '/opt/app', readOnly: true }
      const fresh: Bind = { ...outer(), path: '/tmp', isFresh: true }
      assert.deepEqual(hold(program, inner('/opt/app/x'), fresh, inner('/tmp/x')).command, [])
    })
  })

describe('a place to mount over', () => {
  it('is made with the folders above it', () => {
    makeMountPoint({ source: at('volume') }, ['way', 'one', 'two'], 'folder')
    makeMountPoint({ source: at('volume') }, ['way', 'one', 'file'], 'file')
    makeMountPoint({ source: at('volume') }, ['way', 'one', 'file'], 'file')
    assert.ok(lstatSync(at('volume', 'way', 'one', 'two')).isDirectory())
    assert.ok(lstatSync(at('volume', 'way', 'one', 'file')).isFile())
  })

  it('is made over no link, nor where one leads', () => {
    symlinkSync(at('machine'), at('volume', 'link'))
    symlinkSync(at('machine', 'new'), at('volume', 'dangling'))
    for (const kind of ['file', 'folder'] as const) {
      assert.throws(() => makeMountPoint({ source: at('volume') }, ['link', 'x'], kind), { code: 'ENOTDIR' })
      assert.throws(() => makeMountPoint({ source: at('volume') }, ['dangling', 'x'], kind), {
        code: 'ENOTDIR',
      })
      makeMountPoint({ source: at('volume') }, ['dangling'], kind)
    }
    const linked = { source: at('volume', 'link'), isUnsteady: true }
    assert.throws(() => makeMountPoint(linked, ['x'], 'folder'), /ENOTDIR|symbolic link/)
    assert.ok(!existsSync(at('machine', 'new')) && !existsSync(at('machine', 'x')))
  })
})
