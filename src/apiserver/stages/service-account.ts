/**
 * Every pod runs as a service account, and finds its token where clients look for it (kubernetes
 * plugin/pkg/admission/serviceaccount/admission.go eed236c).
 */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { containersOf } from '../../api/quota/pod-amounts.ts'
import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../api/schema/types.gen.ts'
import { forbidden } from '../../api/status.ts'
import type { Foundation } from '../foundation.ts'
import { readOne } from '../pages.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'

const pods = { group: '', resource: 'pods' }
const defaultAccount = 'default'
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'
/** An hour, and seven seconds by which clients of old tell such tokens from others. */
const tokenSeconds = 3_607
/** A new namespace's account is on its way; upstream waits about as long. */
const accountWaitMs = 1_000
const accountPollMs = 10

export const serviceAccount: AdmissionStep = {
  name: 'ServiceAccount',
  admit(request) {
    const { def, operation, subresource } = request
    const isNewPod = operation === 'create' && subresource === '' && def.group === '' && def.plural === 'pods'
    return isNewPod ? giveAccount(request) : undefined
  },
}

async function giveAccount({ machinery, object }: AdmissionRequest): Promise<void> {
  const { metadata, spec } = object as Pod & KubeObject
  const name = spec.serviceAccountName || defaultAccount
  spec.serviceAccountName = name
  spec.serviceAccount = name
  const account = await findAccount(machinery, metadata.namespace ?? '', name)
  if (!account) {
    const why = `error looking up service account ${metadata.namespace}/${name}: serviceaccount ${quote(name)} not found`
    throw forbidden(pods, metadata.name ?? '', why)
  }
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
    addToken(spec, machinery)
  if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0)
    spec.imagePullSecrets = structuredClone(account.imagePullSecrets ?? [])
}

async function findAccount(
  machinery: Foundation,
  namespace: string,
  name: string,
): Promise<ServiceAccount | undefined> {
  const def = machinery.findResource('', 'v1', 'serviceaccounts')
  if (!def) return undefined
  const cache = machinery.cacheOf(def)
  const read = async (resourceVersion: string) =>
    (await readOne(cache, namespace, name, resourceVersion))?.parse<ServiceAccount & KubeObject>()
  const found = (await read('0')) ?? (await read(''))
  if (found || name !== defaultAccount) return found
  const { clock } = machinery
  for (const endMs = clock.monotonicMs() + accountWaitMs; clock.monotonicMs() < endMs;) {
    await clock.sleep(accountPollMs)
    const made = await read('0')
    if (made) return made
  }
  return undefined
}

function addToken(spec: PodSpec, { random }: Pick<Foundation, 'random'>): void {
  const own = (spec.volumes ?? []).find((volume) => volume.name.startsWith(volumePrefix))
  const name = own?.name ?? `${volumePrefix}${random.suffix(5)}`
  const { init, main } = containersOf(spec)
  const containers: readonly Container[] = [...init, ...main]
  const lacking = containers.filter(
    ({ volumeMounts = [] }) => !volumeMounts.some((mount) => mount.mountPath === mountPath),
  )
  for (const container of lacking)
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
  if (lacking.length > 0 && !own) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
})
