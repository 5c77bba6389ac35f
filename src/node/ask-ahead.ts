/**
 * Asks for what a pod's containers will need, all at once and before anybody needs it: whoever does then asks the same, and gets the
 * same answer, errors included.
 */
import { claimNamesOf } from '../api/local-volumes.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import type { NodeContext } from './context.ts'
import { allContainers } from './downward-api.ts'
import { envReferences } from './env.ts'
import { tokenReferences, volumeReferences } from './volumes.ts'

export function askAhead({ objects, tokens }: NodeContext, pod: Pod): void {
  const { namespace = 'default' } = pod.metadata
  const names = [volumeReferences(pod), ...allContainers(pod).map(envReferences)]
  const asked: readonly Promise<unknown>[] = [
    // First what takes the server longest.
    ...tokenReferences(pod).map((wish) => tokens.token(pod, wish)),
    ...(pod.spec.enableServiceLinks === false ? [] : [objects.services(namespace)]),
    ...names.flatMap(({ configMaps }) => configMaps.map((name) => objects.configMap(namespace, name))),
    ...names.flatMap(({ secrets }) => secrets.map((name) => objects.secret(namespace, name))),
    ...claimNamesOf(pod).map((name) => objects.volumeOf(namespace, name)),
  ]
  for (const answer of asked) answer.catch(() => {}) // told to who needs it
}
