/** Who has a key of the list of those that may join (`api/allowed-keys.ts`), as far as the TLS connection shows it. */
import { createHash } from 'node:crypto'
import {
  allowedKeysConfigMap,
  allowedKeysGroup,
  isAllowed,
  listedNodesGroup,
  nodeUserPrefix,
  parseAllowedKeys,
  type AllowedKey,
} from '../../api/allowed-keys.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { ConfigMap } from '../../api/schema/types.gen.ts'
import type { Foundation } from '../foundation.ts'
import type { ClientCertificate, UserInfo } from '../http.ts'
import { readOne } from '../pages.ts'

type Source = Pick<Foundation, 'cacheOf' | 'findResource'>

/** Undefined: the key is not on the list. What it may do is what a join token lets its holder do. */
export async function allowedKeyUser(machinery: Source, key: string): Promise<UserInfo | undefined> {
  if (!isAllowed(await readList(machinery), key)) return undefined
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 16)
  return { name: `system:bootstrap:key-${digest}`, groups: ['system:bootstrappers', allowedKeysGroup] }
}

/** Whether the certificate is of a machine that joined by the list, and only it keeps it in. */
export const isListed = ({ organizations }: Pick<ClientCertificate, 'organizations'>): boolean =>
  organizations.includes(listedNodesGroup)

/** Whether a machine that joined by the list is still on it, under its name. */
export async function isStillAllowed(
  machinery: Source,
  { commonName, publicKey = '' }: ClientCertificate,
): Promise<boolean> {
  return isAllowed(await readList(machinery), publicKey, commonName.slice(nodeUserPrefix.length))
}

async function readList(machinery: Source): Promise<readonly AllowedKey[]> {
  const def = machinery.findResource('', 'v1', 'configmaps')
  if (!def) return []
  const { name, namespace } = allowedKeysConfigMap
  const stored = await readOne(machinery.cacheOf(def), namespace, name, '')
  return parseAllowedKeys(stored?.parse<ConfigMap & KubeObject>().data)
}
