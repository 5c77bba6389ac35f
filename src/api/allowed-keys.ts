/**
 * Machines that may join without a token: a list of their public keys, kept in a ConfigMap. Each of its entries holds lines of
 * `KEY` or `KEY NAME`; with a name the key is good for a node of that name only. `#` begins a comment.
 */
export const allowedKeysConfigMap = { namespace: 'kube-system', name: 'allowed-node-keys' }

/** Group of those who have shown a key of the list and nothing else. */
export const allowedKeysGroup = 'system:bootstrappers:keys'

/**
 * Group, beside `system:nodes`, of machines that joined by the list: the server writes it into their certificates, and lets
 * them in only as long as their key is on the list.
 */
export const listedNodesGroup = 'system:nodes:listed'

export const nodeUserPrefix = 'system:node:'

export interface AllowedKey {
  /** Base64 of the DER public key. */
  readonly key: string
  readonly nodeName?: string
}

/** DER of an Ed25519 public key is 44 bytes, of a P-256 key 91. */
const keyPattern = /^[A-Za-z0-9+/]{59,128}={0,2}$/
/** A ConfigMap holds at most a mebibyte: some 15,000 keys. */
export const isNodeKey = (text: string): boolean => keyPattern.test(text)

/** Lines that are none are passed over: somebody may be editing. */
export function parseAllowedKeys(data: Readonly<Record<string, string>> = {}): readonly AllowedKey[] {
  return Object.values(data)
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => {
      const [key = '', nodeName] = line.replace(/#.*/, '').trim().split(/\s+/)
      if (!isNodeKey(key)) return []
      return [{ key, ...(nodeName !== undefined && { nodeName }) }]
    })
}

/** Whether the key may join; with `nodeName`, whether it may under that name. */
export const isAllowed = (list: readonly AllowedKey[], key: string, nodeName?: string): boolean =>
  list.some(
    (allowed) =>
      allowed.key === key &&
      (nodeName === undefined || allowed.nodeName === undefined || allowed.nodeName === nodeName),
  )

/** The list without some of its lines, and how many those were; everything else stays as somebody wrote it. */
export function withoutAllowed(
  data: Readonly<Record<string, string>>,
  isOff: (allowed: AllowedKey) => boolean,
): { readonly data: Record<string, string>; readonly removed: number } {
  let removed = 0
  const stays = (line: string): boolean => {
    const isRemoved = parseAllowedKeys({ line }).some(isOff)
    if (isRemoved) removed++
    return !isRemoved
  }
  const left = Object.entries(data).map(([name, text]) => [name, text.split('\n').filter(stays).join('\n')])
  return { data: Object.fromEntries(left), removed }
}
