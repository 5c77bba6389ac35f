/** What a pod refers to, as far as its node may read it. Found once for each state of a pod. */
import type { Container, Pod } from '../../api/schema/types.gen.ts'
import type { CachedObject } from '../cached-object.ts'
import { lookCost } from '../slices.ts'

export interface PodFacts {
  readonly node: string
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly serviceAccounts: ReadonlySet<string>
}

export interface BoundPods {
  factsOf(pod: CachedObject): PodFacts
  /** What that costs now, for slices. */
  readonly costOf: (pod: CachedObject) => number
}

const none: ReadonlySet<string> = new Set()
const unbound: PodFacts = { node: '', secrets: none, configMaps: none, serviceAccounts: none }

export function boundPods(): BoundPods {
  const known = new WeakMap<CachedObject, PodFacts>()
  return {
    costOf: (object) => (known.has(object) ? lookCost : object.bytes.length),
    factsOf(object) {
      let facts = known.get(object)
      if (!facts) known.set(object, (facts = factsOf(object.parse<Pod>())))
      return facts
    },
  }
}

export function factsOf({ spec }: Pick<Pod, 'spec'>): PodFacts {
  if (!spec.nodeName) return unbound
  const secrets = new Set<string>()
  const configMaps = new Set<string>()
  const note = (names: Set<string>, name: string | undefined) => void (name && names.add(name))
  const noteSource = (source: Source) => {
    note(configMaps, source.configMap?.name)
    note(secrets, source.secret?.name)
    note(secrets, source.secret?.secretName)
  }
  for (const { name } of spec.imagePullSecrets ?? []) note(secrets, name)
  for (const volume of spec.volumes ?? []) {
    noteSource(volume)
    for (const source of volume.projected?.sources ?? []) noteSource(source)
  }
  const containers: readonly Container[] = [...(spec.initContainers ?? []), ...spec.containers]
  for (const { env = [], envFrom = [] } of containers) {
    for (const { configMapRef, secretRef } of envFrom) {
      note(configMaps, configMapRef?.name)
      note(secrets, secretRef?.name)
    }
    for (const { valueFrom } of env) {
      note(configMaps, valueFrom?.configMapKeyRef?.name)
      note(secrets, valueFrom?.secretKeyRef?.name)
    }
  }
  const account = spec.serviceAccountName
  return { node: spec.nodeName, secrets, configMaps, serviceAccounts: account ? new Set([account]) : none }
}

interface Source {
  readonly configMap?: { readonly name?: string }
  readonly secret?: { readonly name?: string; readonly secretName?: string }
}
