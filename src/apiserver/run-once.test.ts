import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openFixture, refusal } from './fixture.ts'

const { request, ...fixture } = await openFixture()
after(() => fixture[Symbol.asyncDispose]())

const pods = '/api/v1/namespaces/default/pods'
const epoch = 'sampan.dev/epoch'
const once = 'sampan.dev/run-once'
const merge = { 'content-type': 'application/merge-patch+json' }

const pod = (name: string, annotations: Readonly<Record<string, string>>, spec = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, annotations },
  spec: { containers: [{ name: 'c', image: 'app@1.0.0' }], ...spec },
})
const create = (...args: Parameters<typeof pod>) => request('POST', pods, pod(...args))
const bind = (name: string, annotations = {}) =>
  request('POST', `${pods}/${name}/binding`, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, annotations },
    target: { kind: 'Node', name: 'n1' },
  })
const annotationsOf = async (name: string): Promise<Record<string, string>> =>
  (await request('GET', `${pods}/${name}`)).body.metadata.annotations

test('each pod that runs once gets a greater epoch when it is bound, and keeps it', async () => {
  const epochs: number[] = []
  for (const name of ['first', 'second']) {
    assert.equal((await create(name, { [once]: 'true' })).status, 201)
    assert.equal((await annotationsOf(name))[epoch], undefined)
    assert.equal((await bind(name, { note: 'n', [once]: 'false' })).status, 201)
    const { [epoch]: text, ...others } = await annotationsOf(name)
    assert.deepEqual(others, { note: 'n', [once]: 'true' })
    epochs.push(Number(text))
    await request('DELETE', `${pods}/${name}?gracePeriodSeconds=0`)
  }
  const [first = 0, second = 0] = epochs
  assert.ok(first > 0 && second > first, epochs.join(' '))
})

test('a pod of another kind gets none', async () => {
  await create('plain', { [once]: 'false' })
  await bind('plain')
  assert.deepEqual(await annotationsOf('plain'), { [once]: 'false' })
})

test('only the server gives epochs, and nobody changes whether a pod runs once', async () => {
  const given = 'is given by the server when the pod is bound to its node; leave it out'
  const isForbidden = new RegExp(`^422 .*metadata.annotations\\[${epoch}\\]: Forbidden: ${given}$`)
  const isFixed = new RegExp(`^422 .*metadata.annotations\\[${once}\\]: Forbidden: may not be changed`)
  assert.match(refusal(await create('forged', { [once]: 'true', [epoch]: '9' })), isForbidden)
  await create('p', { [once]: 'true' })
  assert.match(refusal(await bind('p', { [epoch]: '999999' })), isForbidden)
  await bind('p')
  const bound = await annotationsOf('p')
  const patch = (annotations: object, subresource = '') =>
    request('PATCH', `${pods}/p${subresource}`, { metadata: { annotations } }, merge)
  assert.match(refusal(await patch({ [epoch]: '999999' })), isForbidden)
  assert.match(refusal(await patch({ [epoch]: '999999' }, '/status')), isForbidden)
  assert.match(refusal(await patch({ [once]: 'false' })), isFixed)
  assert.match(refusal(await patch({ [once]: null }, '/status')), isFixed)
  assert.equal((await patch({ [epoch]: null, note: 'n' })).status, 200)
  assert.deepEqual(await annotationsOf('p'), { ...bound, note: 'n' })
})

test('refused with the reason: a wish that is none, and a pod that nobody binds', async () => {
  assert.match(refusal(await create('odd', { [once]: 'yes' })), /Unsupported value: "yes".*"true", "false"/)
  assert.match(
    refusal(await create('placed', { [once]: 'true' }, { nodeName: 'n1' })),
    /spec.nodeName: Forbidden: a pod with sampan.dev\/run-once gets its epoch when it is bound/,
  )
})
