/** A node that is particular about packages: what it runs, what it refuses, and what it says. Against a whole Sampan and a registry. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openFakeRegistry, type FakeRegistry } from '../../src/runtime/packages/testdata/fake-registry.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { image, yaml } from '../support/manifests.ts'

let registry: FakeRegistry
let cluster: Cluster
before(async () => {
  registry = await openFakeRegistry()
  const files = { 'index.js': 'setInterval(() => {}, 1000)' }
  for (const name of ['@ours/app', 'theirs'])
    await registry.publish({ manifest: { name, version: '1.2.3', main: 'index.js' }, files })
  const env = { TRUSTED_PACKAGE_REGEXP: '^@ours/', npm_config_registry: registry.url }
  cluster = await openCluster({ env })
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

const pod = (name: string, container: object) =>
  yaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'app', ...container }] },
  })

const statusOf = (name: string) =>
  JSON.parse(cluster.ok(`get pod ${name} -o json`)).status.containerStatuses?.[0]

const waiting = (name: string, reason: string): Promise<string> =>
  until(`${name} waits for ${reason}`, () => {
    const found = statusOf(name)?.state.waiting
    return found?.reason === reason ? String(found.message) : undefined
  })

test('a trusted package runs, and its integrity is pinned in the status', async () => {
  cluster.ok('apply -f -', { input: pod('ours', { image: 'npm:@ours/app@^1' }) })
  // Not kubectl wait: the registry is in this process, which would stand still.
  await until('it runs', () => (statusOf('ours')?.state.running ? true : undefined))
  assert.match(statusOf('ours').imageID, /^npm:@ours\/app@1\.2\.3#sha512-[\w+/]{86}==$/)
})

const refused: Readonly<Record<string, string>> = {
  another: 'npm:theirs@1.2.3',
  tagged: 'npm:theirs@latest',
  ranged: 'npm:theirs@>=1',
  folder: image('hello'),
}
for (const [name, untrusted] of Object.entries(refused)) {
  test(`${untrusted.slice(0, 20)} is refused: waiting reason and event say so`, async () => {
    cluster.ok('apply -f -', { input: pod(name, { image: untrusted }) })
    assert.match(await waiting(name, 'UntrustedPackage'), /does not trust (theirs@1\.2\.3|dir:\/)/)
    const events = await until('the event is there', () => {
      const all = cluster.ok(
        `get events --field-selector reason=UntrustedPackage,involvedObject.name=${name} -o json`,
      )
      const { items } = JSON.parse(all)
      return items.length > 0 ? (items as readonly { readonly message: string }[]) : undefined
    })
    assert.match(events[0]?.message ?? '', /TRUSTED_PACKAGE_REGEXP/)
  })
}

test('a file in the clothes of a version is none', async () => {
  cluster.ok('apply -f -', { input: pod('file', { image: 'npm:@ours/app@..' }) })
  assert.match(await waiting('file', 'ErrImagePull'), /no version, range or tag of a registry/)
})

test('a trusted package with a command of its own does not run', async () => {
  const own = { image: 'npm:@ours/app@1.2.3', command: ['node', '-e', 'process.exit(7)'] }
  cluster.ok('apply -f -', { input: pod('command', own) })
  assert.match(
    await waiting('command', 'CreateContainerConfigError'),
    /command of its own.*ENABLE_CUSTOM_COMMAND=true/,
  )
  const loading = { image: 'npm:@ours/app@1.2.3', env: [{ name: 'NODE_OPTIONS', value: '--import=data:,0' }] }
  cluster.ok('apply -f -', { input: pod('loading', loading) })
  assert.match(await waiting('loading', 'CreateContainerConfigError'), /sets NODE_OPTIONS/)
})
