import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openEtcFiles } from './etc-files.ts'

const root = mkdtempSync(join(tmpdir(), 'sampan-etc-'))
after(() => rmSync(root, { recursive: true }))
const [etc, folder, usr] = [join(root, 'etc'), join(root, 'copies'), join(root, 'usr')]
mkdirSync(join(etc, 'ssl'), { recursive: true })
mkdirSync(usr)
writeFileSync(join(usr, 'Paris'), 'a zone')
symlinkSync(join(usr, 'Paris'), join(etc, 'localtime'))
for (const name of ['hosts', 'passwd', 'shadow']) writeFileSync(join(etc, name), `${name} of the machine`)
const files = openEtcFiles({ folder, systemFolders: [usr], etc })

test('small files are copied, but none of which a pod has its own, and none that is not on the list', () => {
  assert.deepEqual(readdirSync(folder), ['hosts'])
  assert.deepEqual(
    files.mounts.map(({ path }) => path),
    ['/etc/passwd', '/etc/ssl'],
  )
})

test('a link into the system stays one', () => {
  assert.deepEqual(files.links, [
    { path: '/etc/hosts', target: '.system/hosts' },
    { path: '/etc/localtime', target: join(usr, 'Paris') },
  ])
})

test('what has changed on the machine is copied again, what was removed stays', () => {
  const hosts = () => readFileSync(join(folder, 'hosts'), 'utf8')
  writeFileSync(join(etc, 'hosts'), 'others, longer')
  assert.equal(hosts(), 'hosts of the machine')
  files.refresh()
  assert.equal(hosts(), 'others, longer')
  rmSync(join(etc, 'hosts'))
  files.refresh()
  assert.equal(hosts(), 'others, longer')
})
