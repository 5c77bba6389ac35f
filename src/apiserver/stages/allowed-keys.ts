/** Who has a key of the list of those that may join (`api/allowed-keys.ts`), as far as the TLS connection shows it. */
import { createHash } from 'node:crypto'
import {
  allowedKeysConfigMap,
  allowedKeysGroup,
  isAllowed,
  parseAllowedKeys,
} from '../../api/allowed-keys.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { ConfigMap } from '../../api/schema/types.gen.ts'
import type { Foundation } from '../foundation.ts'
import type { UserInfo } from '../http.ts'
import { readOne } from '../pages.ts'

/** Undefined: the key is not on the list. What it may do is what a join token lets its holder do. */
export async function allowedKeyUser(
  machinery: Pick<Foundation, 'cacheOf' | 'findResource'>,
  key: string,
): Promise<UserInfo | undefined> {
  const def = machinery.findResource('', 'v1', 'configmaps')
  if (!def) return undefined
  const { name, namespace } = allowedKeysConfigMap
  const stored = await readOne(machinery.cacheOf(def), namespace, name, '')
  const list = parseAllowedKeys(stored?.parse<ConfigMap & KubeObject>().data)
  if (!isAllowed(list, key)) return undefined
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 16)
  return { name: `system:bootstrap:key-${digest}`, groups: ['system:bootstrappers', allowedKeysGroup] }
}
