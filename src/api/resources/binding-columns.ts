/** The table of RoleBindings and of ClusterRoleBindings. */
import type { KubeObject } from '../meta.ts'
import type { Column } from '../resource.ts'
import type { RoleRef, Subject } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'

interface Binding extends KubeObject {
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

export const bindingColumns = <T extends Binding>(): readonly Column<T>[] => [
  nameColumn(),
  {
    name: 'Role',
    type: 'string',
    value: ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`,
  },
  ageColumn(),
  subjectsColumn('Users', ({ kind, name }) => (kind === 'User' ? name : undefined)),
  subjectsColumn('Groups', ({ kind, name }) => (kind === 'Group' ? name : undefined)),
  subjectsColumn('ServiceAccounts', ({ kind, name, namespace = '' }) => {
    if (kind !== 'ServiceAccount') return undefined
    return namespace === '' ? name : `${namespace}/${name}`
  }),
]

const subjectsColumn = <T extends Binding>(
  name: string,
  nameOf: (subject: Subject) => string | undefined,
): Column<T> => ({
  name,
  type: 'string',
  priority: 1,
  value: ({ subjects }) =>
    (subjects ?? [])
      .map(nameOf)
      .filter((one) => one !== undefined)
      .join(', '),
})
