/** For loops over all kinds of objects: the custom ones come and go while the process runs. */
import type { CustomResourceDefinition } from '../api/crd/definition.ts'
import { storageDefOf } from '../api/crd/resource-defs.ts'
import type { KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { customResourceDefinitions } from '../api/resources/customresourcedefinitions.ts'
import type { LoopContext } from '../client/controller.ts'
import { allSynced, type Informers } from '../client/informers.ts'

/** One definition for each custom resource that is served, as the informer has it. */
export const customResourcesOf = (informers: Informers): readonly ResourceDef[] =>
  informers
    .for<CustomResourceDefinition & KubeObject>(customResourceDefinitions)
    .list()
    .flatMap((crd) => storageDefOf(crd) ?? [])

const hasDefinitions = (resources: readonly ResourceDef[]): boolean =>
  resources.some(
    ({ group, plural }) =>
      group === customResourceDefinitions.group && plural === customResourceDefinitions.plural,
  )

/** Runs `loop` with all resources, the custom ones among them, and anew whenever these have changed. Until `signal` aborts. */
export async function withCustomResources(
  resources: readonly ResourceDef[],
  { informers }: Pick<LoopContext, 'informers'>,
  signal: AbortSignal,
  loop: (all: readonly ResourceDef[], signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!hasDefinitions(resources)) return loop(resources, signal)
  const definitions = informers.for<CustomResourceDefinition & KubeObject>(customResourceDefinitions)
  try {
    await allSynced([definitions], signal)
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  while (!signal.aborted) {
    const custom = customResourcesOf(informers)
    const changed = new AbortController()
    const before = idsOf(custom)
    const disconnect = definitions.onChange(() => {
      if (idsOf(customResourcesOf(informers)) !== before)
        changed.abort(new Error('custom resources have changed'))
    })
    try {
      await loop([...resources, ...custom], AbortSignal.any([signal, changed.signal]))
    } finally {
      disconnect()
    }
    const now = new Set(customResourcesOf(informers).map(idOf))
    await Promise.all(custom.filter((def) => !now.has(idOf(def))).map((def) => informers.forget(def)))
  }
}

const idOf = ({ group, plural, version }: ResourceDef): string => `${group}/${version}/${plural}`
const idsOf = (defs: readonly ResourceDef[]): string => defs.map(idOf).toSorted().join()
