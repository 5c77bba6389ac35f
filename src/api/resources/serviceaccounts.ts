import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ServiceAccount } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'

export const serviceAccounts: ResourceDef<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  listKind: 'ServiceAccountList',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [
    {
      name: 'token',
      verbs: ['create'],
      body: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    },
  ],
  get schema() {
    return typeNamed('core.v1.ServiceAccount')
  },
  columns: [nameColumn(), ageColumn()],
}
