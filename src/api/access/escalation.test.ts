import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterRole, PolicyRule } from '../schema/types.gen.ts'
import { aggregatedRules } from './aggregate.ts'
import { defaultClusterRoles } from './default-roles.ts'
import { escalationMessage, fullAuthority, missingRules } from './escalation.ts'

const rule = (verbs: string, resources: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: [''],
  resources: resources.split(' '),
  ...more,
})

interface Row {
  readonly name: string
  readonly owned: readonly PolicyRule[]
  readonly wanted: readonly PolicyRule[]
  readonly missing: number
}
const rows: readonly Row[] = [
  { name: 'nothing wanted', owned: [], wanted: [], missing: 0 },
  { name: 'the same', owned: [rule('get', 'pods')], wanted: [rule('get', 'pods')], missing: 0 },
  {
    name: 'two owners together',
    owned: [rule('get', 'pods'), rule('list', 'pods nodes')],
    wanted: [rule('get list', 'pods')],
    missing: 0,
  },
  { name: 'one verb too many', owned: [rule('get', 'pods')], wanted: [rule('get list', 'pods')], missing: 1 },
  {
    name: 'stars cover',
    owned: fullAuthority,
    wanted: [rule('get', 'pods/log'), { verbs: ['get'], nonResourceURLs: ['/x'] }],
    missing: 0,
  },
  {
    name: 'a star is not covered by words',
    owned: [rule('get', 'pods nodes')],
    wanted: [rule('get', '*')],
    missing: 1,
  },
  {
    name: 'a name within all names',
    owned: [rule('get', 'pods')],
    wanted: [rule('get', 'pods', { resourceNames: ['a'] })],
    missing: 0,
  },
  {
    name: 'all names from a name',
    owned: [rule('get', 'pods', { resourceNames: ['a'] })],
    wanted: [rule('get', 'pods')],
    missing: 1,
  },
  {
    name: 'one of two names',
    owned: [rule('get', 'pods', { resourceNames: ['a'] })],
    wanted: [rule('get', 'pods', { resourceNames: ['a', 'b'] })],
    missing: 1,
  },
  {
    name: 'a subresource of everything',
    owned: [rule('get', '*/scale')],
    wanted: [rule('get', 'x/scale')],
    missing: 0,
  },
  {
    name: 'a resource is not its subresource',
    owned: [rule('get', 'pods')],
    wanted: [rule('get', 'pods/log')],
    missing: 1,
  },
  {
    name: 'paths below a path',
    owned: [{ verbs: ['get'], nonResourceURLs: ['/a/*'] }],
    wanted: [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/b'] }],
    missing: 1,
  },
]
for (const { name, owned, wanted, missing } of rows)
  test(`escalation: ${name}`, () => assert.equal(missingRules(owned, wanted).length, missing))

test('what is missing is told in upstream’s form, verbs of one resource together', () => {
  const missing = missingRules(
    [],
    [rule('get list', 'pods nodes'), { verbs: ['get'], nonResourceURLs: ['/x'] }],
  )
  assert.equal(
    escalationMessage({ name: 'ana', groups: ['dev', 'system:authenticated'] }, missing),
    `user "ana" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}
{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}
{NonResourceURLs:["/x"], Verbs:["get"]}`,
  )
})

test('an aggregated role gathers what its selectors find, each rule once, never its own', () => {
  const label = (to: string) => ({ labels: { [`aggregate-to-${to}`]: 'true' } })
  const role = (name: string, rules: PolicyRule[], metadata = {}): ClusterRole => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, ...metadata },
    rules,
  })
  const own = role('sum', [rule('delete', 'nodes')], label('sum'))
  const sum = {
    ...own,
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'aggregate-to-sum': 'true' } }] },
  }
  const b = role('b', [rule('get', 'pods'), rule('get', 'nodes')], label('sum'))
  const a = role('a', [rule('get', 'pods')], label('sum'))
  assert.deepEqual(aggregatedRules(sum, [sum, b, a, role('c', [rule('get', 'secrets')])]), [
    rule('get', 'pods'),
    rule('get', 'nodes'),
  ])
  assert.equal(aggregatedRules(a, [a, b]), undefined)
})

test('of the default roles, edit may read secrets and view may not', () => {
  const find = (name: string) => defaultClusterRoles.find(({ metadata }) => metadata.name === name)
  const rulesOf = (name: string) => find(`system:aggregate-to-${name}`)?.rules ?? []
  const readSecrets = [rule('get', 'secrets')]
  assert.equal(missingRules(rulesOf('view'), readSecrets).length, 1)
  assert.equal(missingRules(rulesOf('edit'), readSecrets).length, 0)
})
