import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typeNamed, typeNames, typeOfKind, type Schema } from './schema.ts'

const field = (type: string, name: string) => {
  const found = typeNamed(type).fields.get(name)
  assert.ok(found, `${type}.${name}`)
  return found
}

test('every type of the table can be read, with everything it refers to', () => {
  const seen = new Set<Schema>()
  const walk = (schema: Schema): void => {
    if (seen.has(schema)) return
    seen.add(schema)
    if (schema.kind === 'object') for (const { schema: inner } of schema.fields.values()) walk(inner)
    else if (schema.kind === 'list') walk(schema.items)
    else if (schema.kind === 'map') walk(schema.values)
  }
  for (const name of typeNames()) walk(typeNamed(name))
  assert.ok(typeNames().length > 400)
})

test('field numbers are unique within a message', () => {
  for (const name of typeNames()) {
    const numbers = typeNamed(name).members.map((member) => member.number)
    const onWire = numbers.filter((number) => number > 0)
    assert.equal(new Set(onWire).size, onWire.length, name)
  }
})

test('an inlined struct lends its fields, and is one member', () => {
  const volume = typeNamed('core.v1.Volume')
  assert.ok(volume.fields.has('configMap'))
  assert.ok(volume.fields.has('name'))
  assert.deepEqual(
    volume.members.map(({ name, number }) => [name, number]),
    [
      ['name', 1],
      ['', 2],
    ],
  )
})

test('lists know how server-side apply and how strategic merge identify their items', () => {
  const ports = field('core.v1.Container', 'ports')
  assert.equal(ports.schema.kind, 'list')
  assert.deepEqual(ports.schema.kind === 'list' && ports.schema.keys, ['containerPort', 'protocol'])
  assert.equal(ports.patchMergeKey, 'containerPort')
  assert.deepEqual(field('core.v1.PodSpec', 'volumes').patchStrategy, ['merge', 'retainKeys'])
  const unmarked = field('core.v1.PersistentVolumeSpec', 'mountOptions').schema
  assert.equal(unmarked.kind === 'list' && unmarked.listType, 'atomic')
})

test('atomicity comes from the type and may be undone by a field', () => {
  const isAtomic = (type: string, name: string) => {
    const { schema } = field(type, name)
    return (schema.kind === 'object' || schema.kind === 'map') && schema.atomic
  }
  assert.equal(isAtomic('apps.v1.DeploymentSpec', 'selector'), true)
  assert.equal(isAtomic('core.v1.ServiceSpec', 'selector'), true)
  assert.equal(isAtomic('core.v1.Event', 'involvedObject'), true)
  assert.equal(isAtomic('core.v1.PersistentVolumeSpec', 'claimRef'), false)
  assert.equal(isAtomic('apps.v1.DeploymentSpec', 'template'), false)
})

test('scalars know their Go name, their closed set and their default', () => {
  const policy = field('core.v1.Container', 'imagePullPolicy').schema
  assert.deepEqual(policy, {
    kind: 'string',
    goName: 'v1.PullPolicy',
    enum: ['Always', 'IfNotPresent', 'Never'],
  })
  assert.equal(field('core.v1.ContainerPort', 'protocol').schema.default, 'TCP')
  assert.equal(field('core.v1.ReplicationControllerSpec', 'replicas').schema.default, 1)
})

test('promised is what a Go struct cannot lack', () => {
  const promised = (type: string) => typeNamed(type).promised.map(({ name }) => name)
  assert.deepEqual(promised('core.v1.Pod'), ['metadata', 'spec'])
  assert.deepEqual(promised('core.v1.PodTemplateSpec'), ['spec'])
  assert.deepEqual(promised('apps.v1.DeploymentSpec'), ['template'], 'selector is a pointer')
  assert.deepEqual(promised('core.v1.PodSpec'), ['containers'])
})

test('kinds are found by group, version and kind; options kinds in every group', () => {
  const name = (group: string, version: string, kind: string) => typeOfKind({ group, version, kind })?.name
  assert.equal(name('', 'v1', 'Pod'), 'core.v1.Pod')
  assert.equal(name('rbac.authorization.k8s.io', 'v1', 'Role'), 'rbac.v1.Role')
  assert.equal(name('apps', 'v1', 'DeleteOptions'), 'meta.v1.DeleteOptions')
  assert.equal(name('', 'v1', 'PodSpec'), undefined, 'not a kind')
  assert.equal(name('apps', 'v1beta1', 'Deployment'), undefined)
  assert.equal(name('', 'v1', 'Status'), 'meta.v1.Status')
  assert.equal(name('apps.example.com', 'v1', 'Deployment'), undefined, "somebody else's")
  assert.equal(name('example.com', 'v1', 'Status'), undefined, "somebody else's")
})

test('a name that the table lacks is a mistake in code', () => {
  assert.throws(() => typeNamed('core.v1.Pot'), /no type core\.v1\.Pot/)
})
