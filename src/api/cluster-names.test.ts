import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceNameOf } from './cluster-names.ts'

const web = { service: 'web', namespace: 'shop' }
const readings = {
  web: { service: 'web', namespace: 'own' },
  'web.shop': web,
  'Web.Shop.': web,
  'web.shop.svc': web,
  'web.shop.svc.cluster.local': web,
  'web.shop.svc.cluster.local.': web,
  'web-0.web.shop.svc': { ...web, hostname: 'web-0' },
  'web-0.web.shop.svc.cluster.local': { ...web, hostname: 'web-0' },
  'api.example.com': undefined,
  'web.svc': undefined,
  'a.web-0.web.shop.svc': undefined,
  'web.shop.cluster.local': undefined,
  under_score: undefined,
  '': undefined,
  '10.96.0.1': undefined,
}
for (const [name, expected] of Object.entries(readings))
  test(`${JSON.stringify(name)} ${expected ? `is ${Object.values(expected).join(', ')}` : 'is no Service'}`, () =>
    assert.deepEqual(serviceNameOf(name, 'own'), expected))
