/** Who owns an object. At most one owner is its controller; identity is the uid, never the name. */
import type { KubeObject, OwnerReference } from './meta.ts'

type Owned = { readonly metadata: { readonly ownerReferences?: readonly OwnerReference[] } }
type Owner = { readonly metadata: { readonly uid?: string } }

export const controllerOf = (object: Owned): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((reference) => reference.controller === true)

export const isControlledBy = (object: Owned, owner: Owner): boolean => {
  const uid = controllerOf(object)?.uid
  return uid !== undefined && uid === owner.metadata.uid
}

/** By whatever reference, also one that isn't the controller's. */
export const isOwnedBy = (object: Owned, owner: Owner): boolean =>
  object.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid) ?? false

/** A reference that makes `owner` the controller and holds back its foreground deletion until the object is gone. */
export const newControllerRef = (owner: KubeObject): OwnerReference => ({
  ...newOwnerRef(owner),
  controller: true,
  blockOwnerDeletion: true,
})

export const newOwnerRef = (owner: KubeObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
})
