import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SandboxLevel } from '../api/sandbox-level.ts'
import type { Container, Pod, PodSpec } from '../api/schema/types.gen.ts'
import { levelOf, noSandbox, type SandboxPolicy } from './sandbox-level.ts'

const all: readonly SandboxLevel[] = ['permission', 'bubblewrap']
const rows: readonly {
  readonly name: string
  readonly policy?: SandboxPolicy
  readonly usable?: readonly SandboxLevel[]
  readonly wish?: string
  readonly pod?: PodSpec['securityContext']
  readonly container?: Container['securityContext']
  readonly gets: SandboxLevel | RegExp
}[] = [
  { name: 'nothing asked, nothing given', gets: 'none' },
  { name: 'the usual level', policy: { usual: 'permission', least: 'none' }, gets: 'permission' },
  { name: 'a stronger one than usual', wish: 'bubblewrap', gets: 'bubblewrap' },
  {
    name: 'a weaker one that the operator lets pods choose',
    policy: { usual: 'bubblewrap', least: 'permission' },
    wish: 'permission',
    gets: 'permission',
  },
  {
    name: 'never less than the least',
    policy: { usual: 'bubblewrap', least: 'permission' },
    wish: 'none',
    gets: 'permission',
  },
  { name: 'no such level', wish: 'gvisor', gets: /"gvisor"; write one of none, permission, bubblewrap/ },
  {
    name: 'a level that is not there',
    usable: ['permission'],
    wish: 'bubblewrap',
    gets: /install bubblewrap/,
  },
  { name: 'a runtime without the model', usable: [], wish: 'permission', gets: /can not keep the level/ },
  {
    name: 'a policy that the node can not keep',
    usable: [],
    policy: { usual: 'bubblewrap', least: 'bubblewrap' },
    gets: /install bubblewrap/,
  },
  { name: 'a user', pod: { runAsUser: 1_000 }, gets: 'bubblewrap' },
  {
    name: 'a user where there is no bubblewrap',
    usable: ['permission'],
    pod: { runAsUser: 1_000 },
    gets: 'none',
  },
  { name: 'a user, and a word', pod: { runAsUser: 1_000 }, wish: 'permission', gets: 'permission' },
  {
    name: 'the container goes before its pod',
    pod: { runAsUser: 1_000 },
    container: { runAsUser: 0 },
    gets: 'none',
  },
  { name: 'not root', container: { runAsNonRoot: true }, gets: 'bubblewrap' },
  { name: 'no more privileges', container: { allowPrivilegeEscalation: false }, gets: 'bubblewrap' },
  { name: 'fewer capabilities', container: { capabilities: { drop: ['ALL'] } }, gets: 'bubblewrap' },
  { name: 'a filter of calls', pod: { seccompProfile: { type: 'RuntimeDefault' } }, gets: 'bubblewrap' },
  { name: 'no filter of calls', pod: { seccompProfile: { type: 'Unconfined' } }, gets: 'none' },
  { name: 'privileged', container: { privileged: true, runAsUser: 1_000 }, gets: 'none' },
  { name: 'a root that is only read', container: { readOnlyRootFilesystem: true }, gets: 'none' },
]

for (const { name, policy = noSandbox, usable = all, wish, pod: context, container: own, gets } of rows)
  test(`the level of a container: ${name}`, () => {
    const container: Container = { name: 'c', image: 'npm:x', ...(own && { securityContext: own }) }
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', ...(wish && { annotations: { 'sampan.dev/sandbox': wish } }) },
      spec: { containers: [container], ...(context && { securityContext: context }) },
    }
    const level = () => levelOf({ policy, usable, pod, container })
    if (typeof gets === 'string') assert.equal(level(), gets)
    else assert.throws(level, gets)
  })
