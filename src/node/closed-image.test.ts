import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findProgram } from '../runtime/process/sandbox/find-program.ts'
import { checkReadable } from './closed-image.ts'

const root = mkdtempSync(join(tmpdir(), 'sampan-closed-'))
after(() => rmSync(root, { recursive: true }))

const user = { uid: 70_001, gid: 70_002, groups: [70_003] }
const skip = process.getuid?.() !== 0 && 'needs root to have files of others'

/** An app with its files in a folder of its own. */
function app(name: string): string {
  const folder = join(root, name)
  mkdirSync(join(folder, 'lib'), { recursive: true })
  for (const file of ['package.json', 'lib/server.js', 'secret.json'])
    writeFileSync(join(folder, file), '', { mode: 0o644 })
  for (const path of [folder, join(folder, 'lib')]) chmodSync(path, 0o755)
  return folder
}

const check = (folder: string, script = join(folder, 'lib/server.js')): Promise<void> =>
  checkReadable({ folder, argv: ['/usr/bin/node', '--inspect', script, 'x'], user })

test('a word of the command that can not be a path is none', { skip }, async () => {
  const folder = app('words')
  const argv = ['node', '--eval', 'x'.repeat(5_000), `${folder}/lib\n${'y'.repeat(300)}`]
  await checkReadable({ folder, argv, user })
})

interface Row {
  readonly name: string
  readonly change: (folder: string) => void
  /** The path below the folder that is told to be closed. */
  readonly closed?: string
}
const rows: readonly Row[] = [
  { name: 'open', change: () => {} },
  { name: 'that can not be listed', change: (folder) => chmodSync(folder, 0o711) },
  { name: 'closed', change: (folder) => chmodSync(folder, 0o700), closed: '' },
  {
    name: 'with a closed package.json',
    change: (folder) => chmodSync(join(folder, 'package.json'), 0o600),
    closed: '/package.json',
  },
  {
    name: 'with a closed folder on the way',
    change: (folder) => chmodSync(join(folder, 'lib'), 0o744),
    closed: '/lib',
  },
  {
    name: 'with a closed script',
    change: (folder) => chmodSync(join(folder, 'lib/server.js'), 0o640),
    closed: '/lib/server.js',
  },
  {
    name: 'with a closed file that nobody names',
    change: (folder) => chmodSync(join(folder, 'secret.json'), 0),
  },
  {
    name: 'of the pod itself',
    change(folder) {
      chownSync(folder, user.uid, 0)
      chmodSync(folder, 0o700)
    },
  },
  {
    name: 'closed to its own owner',
    change(folder) {
      chownSync(folder, user.uid, 0)
      chmodSync(folder, 0o077)
    },
    closed: '',
  },
  {
    name: 'of one of its groups',
    change(folder) {
      chownSync(folder, 0, user.groups[0] ?? 0)
      chmodSync(folder, 0o710)
    },
  },
]
for (const { name, change, closed } of rows)
  test(`a folder ${name} is ${closed === undefined ? 'taken' : 'refused'}`, { skip }, async () => {
    const folder = app(name.replaceAll(' ', '-'))
    change(folder)
    if (closed === undefined) return await check(folder)
    await assert.rejects(check(folder), (error: Error) => {
      assert.equal(error.name, 'ContainerConfigError')
      const subject =
        closed === '' ? `the folder ${folder} of the image` : `${folder}${closed} of the image dir:${folder}`
      assert.ok(error.message.startsWith(`${subject} is closed to user 70001, `), error.message)
      assert.ok(error.message.endsWith(`: run chmod -R a+rX ${folder} on this machine`), error.message)
      return true
    })
  })

test('a script is found where its command begins, in the folder', { skip }, async () => {
  const folder = app('relative')
  chmodSync(join(folder, 'lib/server.js'), 0o600)
  await assert.rejects(check(folder, './lib/server.js'), /lib\/server\.js of the image/)
})

test('what an access control list opens is taken, also below a closed folder', { skip }, async (t) => {
  const folder = app('listed')
  chmodSync(root, 0o700)
  chmodSync(folder, 0o700)
  const python = findProgram('python3')
  if (python === undefined) return t.skip('needs python3 to write a list')
  // The list of acl(5): owner rwx, this user r-x, group nothing, mask r-x, others nothing.
  const script = `
import os, struct, sys
entries = [(1, 7, 0xffffffff), (2, 5, ${user.uid}), (4, 0, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)]
os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries))
`
  try {
    execFileSync(python, ['-c', script, folder], { stdio: 'pipe' })
  } catch (error) {
    return t.skip(`this file system keeps no lists: ${String(error)}`)
  }
  await check(folder)
})
