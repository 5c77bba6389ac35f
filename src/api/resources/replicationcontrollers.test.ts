import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplicationController } from '../schema/types.gen.ts'
import { replicationControllers as def } from './replicationcontrollers.ts'
import { createCases } from './rows.ts'

const base: ReplicationController = {
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'npm:json-server@0.17.4' }] },
    },
  },
}

for (const { name, found, expected } of createCases({ def, base }, [
  { name: 'what its template says', set: {} },
  {
    name: 'labels that nobody has',
    set: { 'spec.selector': { app: 'other' } },
    errors: [
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'neither labels nor a selector',
    set: { 'spec.template.metadata': undefined },
    errors: ['spec.selector: Required value'],
  },
  {
    name: 'no template',
    set: { 'spec.selector': { a: 'b' }, 'spec.template': undefined },
    errors: ['spec.template: Required value'],
  },
  {
    name: 'less than nothing',
    set: { 'spec.replicas': -1 },
    errors: ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  },
]))
  test(name, () => assert.deepEqual(found(), expected))
