import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyRule } from '../schema/types.gen.ts'
import { ruleAllows } from './rbac.ts'
import { resourceAccess, type AccessRequest } from './request.ts'

const user = { name: 'x', groups: [] }
const asks = (text: string): AccessRequest => {
  const [verb = '', target = '', name = ''] = text.split(' ')
  if (target.startsWith('/'))
    return { ...resourceAccess(user, verb, core('')), isResource: false, path: target }
  const [full = '', subresource = ''] = target.split('/')
  const [resource = '', ...group] = full.split('.')
  return resourceAccess(user, verb, { group: group.join('.'), resource, subresource }, { name })
}
const core = (resource: string) => ({ group: '', resource })
const on = (resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: ['get'],
  apiGroups: [''],
  resources,
  ...more,
})

interface Row {
  readonly rule: PolicyRule
  readonly allows?: readonly string[]
  readonly refuses?: readonly string[]
}
const rows: Readonly<Record<string, Row>> = {
  'a plain rule': {
    rule: on(['pods']),
    allows: ['get pods', 'get pods a'],
    refuses: ['list pods', 'get nodes'],
  },
  'a resource does not cover its subresources': { rule: on(['pods']), refuses: ['get pods/log a'] },
  'a subresource does not cover its resource': {
    rule: on(['pods/log']),
    allows: ['get pods/log a'],
    refuses: ['get pods a', 'get pods/exec a'],
  },
  'one subresource of everything': {
    rule: on(['*/scale'], { apiGroups: ['*'] }),
    allows: ['get deployments.apps/scale a', 'get x/scale a'],
    refuses: ['get deployments.apps a', 'get deployments.apps/status a', 'get x/upscale a'],
  },
  'every resource includes subresources': {
    rule: on(['*']),
    allows: ['get pods', 'get pods/log a'],
    refuses: ['get deployments.apps'],
  },
  'all of one resource’s subresources is no pattern': { rule: on(['pods/*']), refuses: ['get pods/log a'] },
  'every group': { rule: on(['deployments'], { apiGroups: ['*'] }), allows: ['get deployments.apps'] },
  'no group is not the core group': { rule: on(['pods'], { apiGroups: [] }), refuses: ['get pods'] },
  'every verb': { rule: on(['pods'], { verbs: ['*'] }), allows: ['deletecollection pods', 'anything pods'] },
  'verbs have no patterns': {
    rule: on(['pods'], { verbs: ['delete*'] }),
    refuses: ['deletecollection pods'],
  },
  'named objects': {
    rule: on(['pods'], { resourceNames: ['a', 'b'] }),
    allows: ['get pods a', 'get pods b'],
    refuses: ['get pods c', 'get pods'],
  },
  'an empty list of names is any': { rule: on(['pods'], { resourceNames: [] }), allows: ['get pods c'] },
  'names have no patterns': { rule: on(['pods'], { resourceNames: ['*'] }), refuses: ['get pods c'] },
  'a path': {
    rule: { verbs: ['get'], nonResourceURLs: ['/healthz'] },
    allows: ['get /healthz'],
    refuses: ['get /healthz/', 'post /healthz', 'get pods'],
  },
  'paths below': {
    rule: { verbs: ['get'], nonResourceURLs: ['/api/*'] },
    allows: ['get /api/', 'get /api/v1'],
    refuses: ['get /api', 'get /apis'],
  },
  'a prefix that ends within a word': {
    rule: { verbs: ['get'], nonResourceURLs: ['/api*'] },
    allows: ['get /api', 'get /apis/apps'],
  },
  'every path': {
    rule: { verbs: ['*'], nonResourceURLs: ['*'] },
    allows: ['put /x/y'],
    refuses: ['get pods'],
  },
  'every resource is no path': {
    rule: on(['*'], { apiGroups: ['*'], verbs: ['*'] }),
    refuses: ['get /metrics'],
  },
}

for (const [name, { rule, allows = [], refuses = [] }] of Object.entries(rows))
  test(`rules: ${name}`, () => {
    for (const text of allows) assert.ok(ruleAllows(rule, asks(text)), `should allow ${text}`)
    for (const text of refuses) assert.ok(!ruleAllows(rule, asks(text)), `should refuse ${text}`)
  })
