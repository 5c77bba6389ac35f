/** The cluster's roles and bindings as an index that follows their watch caches: made anew at the first question after a change. */
import { rbacIndex, type RbacIndex } from '../../api/access/rbac-index.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/schema/types.gen.ts'
import type { Foundation } from '../foundation.ts'
import { fresh } from '../pages.ts'
import { parsedObjects } from './parsed-objects.ts'

export const rbacGroup = 'rbac.authorization.k8s.io'

export interface RoleIndex {
  /** The index as of now. A promise only while a cache has to load: the usual question costs no turn of the loop. */
  current(): RbacIndex | Promise<RbacIndex>
  /** With everything that was written before the call. */
  latest(): Promise<RbacIndex>
}

/** Undefined: the table has no roles, hence the server no rules to go by. Nothing is answered before `made`. */
export function openRoleIndex(
  machinery: Pick<Foundation, 'cacheOf' | 'findResource'>,
  made: Promise<void> | undefined,
): RoleIndex | undefined {
  const source = <T extends KubeObject>(plural: string) => {
    const def = machinery.findResource(rbacGroup, 'v1', plural)
    if (!def) return undefined
    const cache = machinery.cacheOf(def)
    return { cache, objects: parsedObjects<T>(cache) }
  }
  const roles = source<Role>('roles')
  const clusterRoles = source<ClusterRole>('clusterroles')
  const roleBindings = source<RoleBinding>('rolebindings')
  const clusterRoleBindings = source<ClusterRoleBinding>('clusterrolebindings')
  if (!roles || !clusterRoles || !roleBindings || !clusterRoleBindings) return undefined
  const caches = [roles, clusterRoles, roleBindings, clusterRoleBindings].map(({ cache }) => cache)
  let index: RbacIndex | undefined
  let isMade = made === undefined
  for (const cache of caches) cache.listen(() => (index = undefined))
  const isLive = () => isMade && caches.every((cache) => cache.liveRing !== undefined)
  const build = () =>
    (index = rbacIndex({
      roles: roles.objects.all(),
      clusterRoles: clusterRoles.objects.all(),
      roleBindings: roleBindings.objects.all(),
      clusterRoleBindings: clusterRoleBindings.objects.all(),
    }))
  return {
    async latest() {
      await Promise.all(caches.map((cache) => fresh(cache, '')))
      return this.current()
    },
    current() {
      if (index) return index
      if (isLive()) return build()
      return (async () => {
        await made
        if (made && !isMade) await Promise.all(caches.map((cache) => fresh(cache, '')))
        isMade = true
        // A gap may empty one while another loads.
        while (!isLive()) await Promise.all(caches.map((cache) => cache.ready()))
        return build()
      })()
    },
  }
}
