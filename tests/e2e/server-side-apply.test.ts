/** Server-side apply as kubectl does it, against a whole Sampan. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openCluster, type Cluster } from '../support/cluster.ts'
import { kubectlVersions, type KubectlVersion } from '../support/kubectl.ts'

for (const version of kubectlVersions) describe(`kubectl ${version}`, () => define(version))

function define(version: KubectlVersion): void {
  let cluster: Cluster
  before(async () => {
    cluster = await openCluster({ kubectl: version })
  })
  after(() => cluster[Symbol.asyncDispose]())

  const map = (name: string, data: Readonly<Record<string, string>>) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })

  const serverSide = (input: string, ...flags: readonly string[]) =>
    cluster.kubectl(['apply', '--server-side', '-f', '-', ...flags], { input })

  interface Entry {
    readonly manager: string
    readonly operation: string
    readonly subresource?: string
    readonly fieldsV1: object
  }

  const entriesOf = (object: string): readonly Entry[] => {
    const text = cluster.ok(['get', object, '-o', 'json', '--show-managed-fields'])
    return (
      (JSON.parse(text) as { metadata: { managedFields?: readonly Entry[] } }).metadata.managedFields ?? []
    )
  }
  const managersOf = (object: string) =>
    entriesOf(object).map(({ manager, operation, subresource }) =>
      [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
    )

  const dataOf = (name: string) =>
    JSON.parse(cluster.ok(['get', 'cm', name, '-o', 'jsonpath={.data}'])) as object
  const versionOf = (object: string) =>
    cluster.ok(['get', object, '-o', 'jsonpath={.metadata.resourceVersion}'])

  test('create, again, change, drop', () => {
    const first = serverSide(map('plain', { a: '1', b: '1' }))
    assert.deepEqual(first, { code: 0, stdout: 'configmap/plain serverside-applied\n', stderr: '' })
    const version = versionOf('cm/plain')
    assert.equal(serverSide(map('plain', { a: '1', b: '1' })).code, 0)
    assert.equal(versionOf('cm/plain'), version, 'what changes nothing is not written')
    assert.equal(serverSide(map('plain', { b: '2' })).code, 0)
    assert.deepEqual(dataOf('plain'), { b: '2' })
    assert.deepEqual(managersOf('cm/plain'), ['kubectl Apply'])
    assert.deepEqual(entriesOf('cm/plain')[0]?.fieldsV1, { 'f:data': { 'f:b': {} } })
  })

  test('a conflict ends kubectl with 1 and says whose field it is; --force-conflicts takes it', () => {
    serverSide(map('contested', { a: '1' }))
    cluster.ok([
      'patch',
      'cm',
      'contested',
      '--type=merge',
      '-p',
      '{"data":{"a":"2"}}',
      '--field-manager=somebody',
    ])
    const refused = serverSide(map('contested', { a: '3' }))
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /^error: Apply failed with 1 conflict: conflict with "somebody" using v1: \.data\.a\nPlease review the fields above/,
    )
    assert.equal(serverSide(map('contested', { a: '3' }), '--force-conflicts').code, 0)
    assert.deepEqual([dataOf('contested'), managersOf('cm/contested')], [{ a: '3' }, ['kubectl Apply']])
  })

  test('what was applied from the client’s side is taken over without conflict, and drops what is dropped', () => {
    cluster.ok(['apply', '-f', '-'], { input: map('moved', { a: '1', b: '1' }) })
    assert.deepEqual(managersOf('cm/moved'), ['kubectl-client-side-apply Update'])
    const moved = serverSide(map('moved', { a: '2' }))
    assert.equal(moved.code, 0, moved.stderr)
    assert.deepEqual(dataOf('moved'), { a: '2' })
    assert.deepEqual(
      managersOf('cm/moved').filter((entry) => entry.includes('client-side')),
      [],
    )
    const back = cluster.kubectl(['apply', '-f', '-'], { input: map('moved', { a: '3' }) })
    assert.deepEqual([back.code, dataOf('moved')], [0, { a: '3' }], back.stderr)
  })

  const deployment = (container: object, spec: object = {}) =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shared' },
      spec: {
        ...spec,
        selector: { matchLabels: { app: 'shared' } },
        template: {
          metadata: { labels: { app: 'shared' } },
          spec: {
            nodeSelector: { nowhere: 'true' },
            containers: [{ name: 'main', image: 'npm:http-server@14', ...container }],
          },
        },
      },
    })

  const containerOf = (path: string) =>
    cluster.ok(['get', 'deployment', 'shared', '-o', `jsonpath={.spec.template.spec.containers[0].${path}}`])

  test('two managers share a container: each has its own variables and ports', () => {
    const env = (name: string) => ({
      env: [{ name, value: '1' }],
      ports: [{ containerPort: 8000 + name.length }],
    })
    const one = serverSide(deployment(env('A'), { replicas: 1 }), '--field-manager=one')
    const two = serverSide(deployment(env('BB')), '--field-manager=two')
    assert.deepEqual([one.code, two.code], [0, 0], one.stderr + two.stderr)
    assert.equal(containerOf('env[*].name'), 'A BB')
    assert.equal(containerOf('ports[*].containerPort'), '8001 8002')
    const contested = serverSide(deployment({ env: [{ name: 'A', value: '2' }] }), '--field-manager=two')
    assert.match(
      contested.stderr,
      /conflict with "one": \.spec\.template\.spec\.containers\[name="main"\]\.env\[name="A"\]\.value/,
    )
    assert.equal(contested.code, 1)
    const left = serverSide(deployment({}, { replicas: 1 }), '--field-manager=one')
    assert.equal(left.code, 0, left.stderr)
    assert.equal(containerOf('env[*].name'), 'BB')
    assert.equal(containerOf('ports[*].containerPort'), '8002')
  })

  test('kubectl scale takes the replicas under its own name', () => {
    cluster.ok(['scale', 'deployment', 'shared', '--replicas=0'])
    assert.ok(managersOf('deployment/shared').includes('kubectl Update scale'))
    const refused = serverSide(deployment({}, { replicas: 1 }), '--field-manager=one')
    assert.match(
      refused.stderr,
      /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
    )
    // Whoever no longer speaks of the replicas gives them up.
    assert.equal(serverSide(deployment({}), '--field-manager=one').code, 0)
    assert.equal(cluster.ok(['get', 'deployment', 'shared', '-o', 'jsonpath={.spec.replicas}']), '0')
  })

  test('the machinery’s own writes have managers of their own', () => {
    const managers = managersOf('deployment/shared').filter((entry) => entry.endsWith('status'))
    assert.ok(managers.length > 0, 'the controller writes the status')
    for (const entry of managers) assert.match(entry, /^\S+ Update status$/)
  })

  test('kubectl diff and a dry run of the server change nothing', () => {
    serverSide(map('dry', { a: '1' }))
    const version = versionOf('cm/dry')
    const dry = serverSide(map('dry', { a: '2' }), '--dry-run=server')
    assert.deepEqual([dry.code, dry.stdout], [0, 'configmap/dry serverside-applied (server dry run)\n'])
    const diff = cluster.kubectl(['diff', '--server-side', '-f', '-'], { input: map('dry', { a: '2' }) })
    assert.equal(diff.code, 1, diff.stderr)
    assert.match(diff.stdout, /\+ {2}a: "2"/)
    assert.equal(versionOf('cm/dry'), version)
  })

  test('an unknown field and a key given twice are refused by name', () => {
    const unknown = serverSide(
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd"},"datum":{}}',
      '--validate=false',
    )
    assert.equal(unknown.code, 1)
    assert.match(
      unknown.stderr,
      /failed to create typed patch object \(default\/odd; \/v1, Kind=ConfigMap\): \.datum: field not declared in schema/,
    )
    const twice = serverSide(
      deployment({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      }),
      '--validate=false',
    )
    assert.match(twice.stderr, /containers\[name="main"\]\.env: duplicate entries for key \[name="A"\]/)
  })
}
