/** The cluster's roles and bindings as an index that follows their watch caches. */
import { rbacIndex, type RbacIndex } from '../../api/access/rbac-index.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { ClusterRole, RoleBinding } from '../../api/schema/types.gen.ts'
import { followObjects, type Followed } from '../followed-objects.ts'
import type { Foundation } from '../foundation.ts'
import { fresh } from '../pages.ts'

export const rbacGroup = 'rbac.authorization.k8s.io'

export interface RoleIndex {
  /** As of now, until the caller's turn of the loop is over. A promise only while much has to be taken in: the usual question costs no turn. */
  current(): RbacIndex | Promise<RbacIndex>
  /** With everything that was written before the call. */
  latest(): Promise<RbacIndex>
}

/** Undefined: the table has no roles, hence the server no rules to go by. Nothing is answered before `made`. */
export function openRoleIndex(
  machinery: Pick<Foundation, 'cacheOf' | 'findResource'>,
  made: Promise<void> | undefined,
): RoleIndex | undefined {
  const index = rbacIndex()
  const asRole: Followed = {
    put: (object) => index.putRole(object.parse<ClusterRole & KubeObject>()),
    remove: (object) => index.removeRole(object),
  }
  const asBinding: Followed = {
    put: (object) => index.putBinding(object.parse<RoleBinding & KubeObject>()),
    remove: (object) => index.removeBinding(object),
  }
  const follow = (plural: string, followed: Followed) => {
    const def = machinery.findResource(rbacGroup, 'v1', plural)
    if (!def) return undefined
    const cache = machinery.cacheOf(def)
    return { cache, objects: followObjects(cache, followed) }
  }
  const followed = [
    follow('roles', asRole),
    follow('clusterroles', asRole),
    follow('rolebindings', asBinding),
    follow('clusterrolebindings', asBinding),
  ].filter((each) => each !== undefined)
  if (followed.length < 4) return undefined
  let isMade = made === undefined
  const isCurrent = () => isMade && followed.every(({ objects }) => objects.isCurrent())
  const allFresh = () => Promise.all(followed.map(({ cache }) => fresh(cache, '')))
  return {
    async latest() {
      await allFresh()
      return this.current()
    },
    current() {
      if (isCurrent()) return index
      return (async () => {
        await made
        if (made && !isMade) await allFresh()
        isMade = true
        // One may fall behind while another catches up.
        while (!isCurrent()) await Promise.all(followed.map(({ objects }) => objects.catchUp()))
        return index
      })()
    },
  }
}
