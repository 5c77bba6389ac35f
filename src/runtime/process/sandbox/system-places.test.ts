import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSystemPlace, problemOf, strangerAt } from './system-places.ts'

const rows = [
  ['/', true],
  ['/usr', true],
  ['/usr/bin', true],
  ['/usr/bin/env', true],
  ['/usr/local', true],
  ['/lib64/ld-linux-x86-64.so.2', true],
  ['/etc', true],
  ['/etc/ld.so.preload', true],
  ['/etc/ld-musl-x86_64.path', true],
  ['/proc/self', true],
  ['/etc/my-app', false],
  ['/etc/ldap', false],
  ['/usr/src/app', false],
  ['/usr/share/nginx/html', false],
  ['/library', false],
  ['/data', false],
] as const
for (const [path, expected] of rows)
  test(`${path} is ${expected ? '' : 'no '}place of the system`, () =>
    assert.equal(isSystemPlace(path), expected))

for (const path of ['/tmp/../usr/bin/env', '/data/./x', '/data//x', '/data/', 'data'])
  test(`nothing is mounted at ${path}, which is another place by another name`, () =>
    assert.match(problemOf([{ source: '/x', path, readOnly: false }]) ?? '', /plain absolute path/))

const mount = (device: string, root: string, point: string) =>
  `36 35 ${device} ${root} ${point} ro - ext4 x ro`
const machine = [mount('8:1', '/', '/'), mount('8:2', '/', '/usr/local'), mount('8:3', '/', '/data')].join(
  '\n',
)
const sandboxes = [
  {
    name: "the machine's own",
    mounts: [mount('0:5', '/', '/'), mount('8:1', '/usr', '/usr')],
    found: undefined,
  },
  { name: 'a file system below', mounts: [mount('8:2', '/', '/usr/local')], found: undefined },
  {
    name: 'a file that was replaced',
    mounts: [mount('8:1', '/etc/ld.so.cache//deleted', '/etc/ld.so.cache')],
    found: undefined,
  },
  {
    name: 'a file by a link',
    mounts: [mount('8:1', '/store/ld.so.conf', '/etc/ld.so.conf')],
    found: undefined,
  },
  { name: 'a volume elsewhere', mounts: [mount('8:3', '/volumes/a', '/srv')], found: undefined },
  {
    name: 'a volume in the place of programs',
    mounts: [mount('8:3', '/volumes/a', '/usr/bin')],
    found: '/usr/bin',
  },
  { name: 'another folder of the same disk', mounts: [mount('8:1', '/home/usr', '/usr')], found: '/usr' },
  {
    name: 'a deleted file of a volume',
    mounts: [mount('8:3', '/volumes/a//deleted', '/etc/ld.so.preload')],
    found: '/etc/ld.so.preload',
  },
]
for (const { found, mounts, name } of sandboxes)
  test(`${name} is ${found === undefined ? 'no stranger' : 'a stranger'}`, () => {
    const realPath = (path: string) => (path === '/etc/ld.so.conf' ? '/store/ld.so.conf' : path)
    assert.equal(strangerAt(mounts.join('\n'), machine, realPath), found)
  })
