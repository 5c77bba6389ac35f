/** Custom resources as kubectl's users have them: defined, used like any other kind, and gone with their definition. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { kubectlVersions, type KubectlVersion } from '../support/kubectl.ts'

for (const version of kubectlVersions) describe(`kubectl ${version}`, () => define(version))

function define(version: KubectlVersion): void {
  let cluster: Cluster

  const versionYaml = (name: string, storage: boolean): string => `
  - name: ${name}
    served: true
    storage: ${storage}
    subresources:
      status: {}
      scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas }
    additionalPrinterColumns:
    - { name: Size, type: integer, jsonPath: .spec.size }
    - { name: Colour, type: string, jsonPath: .spec.colour }
    - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
    schema:
      openAPIV3Schema:
        type: object
        description: A thing to count.
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: { type: integer, minimum: 1, description: How big it is. }
              colour: { type: string, enum: [red, blue], default: red }
              replicas: { type: integer, default: 1 }
          status:
            type: object
            properties:
              replicas: { type: integer }
              phase: { type: string }
`

  const definition = (versions: string): string => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget, shortNames: [wd] }
  versions:${versions}`

  const widget = (name: string, spec: string): string =>
    `apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: ${name}}\nspec: ${spec}\n`

  const first = definition(versionYaml('v1', true))
  const refused = (input: string, ...args: string[]) => {
    const { code, stderr } = cluster.kubectl(['create', ...args, '-f', '-'], { input })
    assert.equal(code, 1)
    return stderr
  }

  before(async () => {
    cluster = await openCluster({ kubectl: version })
    cluster.ok('apply -f -', { input: first })
    cluster.ok('wait --for=condition=Established crd/widgets.example.com --timeout=10s')
  })
  after(() => cluster[Symbol.asyncDispose]())

  test('a definition is listed, and its kind with it', () => {
    assert.match(cluster.ok('get crd'), /^widgets\.example\.com +\d{4}-/m)
    assert.match(cluster.ok('api-resources'), /^widgets +wd +example\.com\/v1 +true +Widget$/m)
    assert.match(cluster.ok('explain widget.spec.size'), /FIELD: size <integer>[^]*How big it is\./)
  })

  test('objects are created, printed, changed and deleted', () => {
    cluster.ok('create -f -', { input: widget('one', '{size: 3}') })
    assert.match(cluster.ok('get wd'), /^NAME +SIZE +COLOUR +AGE\none +3 +red +\d+s\n$/)
    cluster.ok(['patch', 'widget', 'one', '--type=merge', '-p', '{"spec":{"colour":"blue"}}'])
    const strategic = cluster.kubectl(['patch', 'widget', 'one', '-p', '{"spec":{"size":9}}'])
    assert.match(strategic.stderr, /415|unsupported media type|unknown format/)
    assert.equal(cluster.ok('get widget one -o jsonpath={.spec.colour}'), 'blue')
    cluster.ok('apply -f -', { input: widget('two', '{size: 1}') })
    assert.match(cluster.ok('apply -f -', { input: widget('two', '{size: 2}') }), /configured/)
    assert.match(cluster.ok('apply -f -', { input: widget('two', '{size: 2}') }), /unchanged/)
    cluster.ok('apply --server-side -f -', { input: widget('three', '{size: 3}') })
    const clash = cluster.kubectl('apply --server-side --field-manager=other -f -', {
      input: widget('three', '{size: 4}'),
    })
    assert.match(clash.stderr, /conflict with "kubectl": \.spec\.size/)
    cluster.ok('delete widget two three')
    assert.equal(cluster.ok('get widget -o name'), 'widget.example.com/one\n')
  })

  test('scale and status are subresources of their own', () => {
    cluster.ok('scale widget one --replicas=4')
    assert.equal(cluster.ok('get widget one -o jsonpath={.spec.replicas}'), '4')
    cluster.ok([
      'patch',
      'widget',
      'one',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"phase":"Ready"},"spec":{"size":99}}',
    ])
    assert.equal(cluster.ok('get widget one -o jsonpath={.status.phase}{.spec.size}'), 'Ready3')
  })

  test('what is wrong is refused in the words of upstream', () => {
    const wrong = refused(widget('bad', '{size: big, colour: green}'))
    assert.match(
      wrong,
      /spec\.size: Invalid value: "string": spec\.size in body must be of type integer: "string"/,
    )
    assert.match(wrong, /spec\.colour: Unsupported value: "green": supported values: "red", "blue"/)
    assert.match(refused(widget('bad', '{}')), /spec\.size: Required value/)
    assert.match(
      refused(widget('bad', '{size: 0}')),
      /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
    )
    assert.match(
      refused(widget('bad', '{size: 1, sise: 2}')),
      /strict decoding error: unknown field "spec\.sise"/,
    )
    cluster.ok('create --validate=false -f -', { input: widget('pruned', '{size: 1, sise: 2}') })
    assert.equal(cluster.ok('get widget pruned -o jsonpath={.spec.sise}'), '')
    const both = definition(versionYaml('v1', true) + versionYaml('v2', true)).replaceAll(
      'widgets',
      'gadgets',
    )
    assert.match(refused(both), /must have exactly one version marked as storage version/)
  })

  test('a second version shows the same objects', async () => {
    cluster.ok('apply -f -', { input: definition(versionYaml('v1', true) + versionYaml('v2', false)) })
    await until('v2 is listed', () => cluster.ok('api-resources').includes('example.com/v2') || undefined)
    assert.equal(
      cluster.ok('get widgets.v2.example.com one -o jsonpath={.apiVersion}{.spec.size}'),
      'example.com/v23',
    )
    assert.equal(cluster.ok('get widgets.v1.example.com one -o jsonpath={.apiVersion}'), 'example.com/v1')
  })

  test('namespaces and owners take custom objects with them', async () => {
    cluster.ok('create namespace gone')
    cluster.ok('create -n gone -f -', { input: widget('inside', '{size: 1}') })
    cluster.ok('delete namespace gone --timeout=30s')
    assert.equal(cluster.ok('get widgets -n gone -o name'), '')

    const uid = cluster.ok('get widget one -o jsonpath={.metadata.uid}')
    const owner = `[{apiVersion: example.com/v1, kind: Widget, name: one, uid: ${uid}}]`
    cluster.ok('create -f -', {
      input: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned, ownerReferences: ${owner}}\n`,
    })
    cluster.ok('delete widget one')
    await until('the dependent is gone', () => cluster.kubectl('get configmap owned').code === 1 || undefined)
  })

  test('a definition takes its objects with it', async () => {
    cluster.ok('create -f -', { input: widget('last', '{size: 1}') })
    cluster.ok('delete crd widgets.example.com --timeout=30s')
    assert.match(
      cluster.kubectl('get widgets').stderr,
      /doesn't have a resource type "widgets"|could not find the requested resource/,
    )
    cluster.ok('apply -f -', { input: first })
    cluster.ok('wait --for=condition=Established crd/widgets.example.com --timeout=10s')
    // kubectl has kept that v2 exists; asking for the resources makes it forget.
    assert.match(cluster.ok('api-resources'), /^widgets .*example\.com\/v1 /m)
    assert.equal(cluster.ok('get widgets -o name'), '')
  })
}
