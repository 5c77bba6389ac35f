/** Which machines may join without a token: `sampan identity` there, `sampan node allow` here. */
import { existsSync, readFileSync } from 'node:fs'
import { allowedKeysConfigMap, isAllowed, isNodeKey, parseAllowedKeys } from '../api/allowed-keys.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import type { ConfigMap } from '../api/schema/types.gen.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts'
import type { ResourceClient } from '../client/client.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { NodeKeyError, openNodeKey, publicKeyOf } from '../node/node-key.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, type DataDir } from './data-dir.ts'
import { caDigestOf } from './join-token.ts'

type Print = (line: string) => void

/** `sampan identity`: the public key of this machine. Made if there is none. */
export async function printIdentity(dir: DataDir, env: NodeJS.ProcessEnv, print: Print): Promise<void> {
  createDataDir(dir)
  try {
    print(publicKeyOf(await openNodeKey(dir.node, env)))
  } catch (error) {
    throw error instanceof NodeKeyError ? new CommandError(error.message, { cause: error }) : error
  }
}

export interface AllowOptions {
  readonly dir: DataDir
  /** A key, or a file with lines of `KEY` or `KEY NAME`. */
  readonly keyOrFile: string
  /** The only name that the key is good for. */
  readonly nodeName?: string
  readonly print: Print
}

/** Others may write the list at once. */
const triesMax = 5
const entry = 'keys'

/** `sampan node allow`: adds to the list. Says how those machines join. */
export async function allowNode({ dir, keyOrFile, nodeName, print }: AllowOptions): Promise<void> {
  const lines = linesOf(keyOrFile, nodeName)
  const kubeconfig = await readKubeconfig(dir.kubeconfig)
  if (kubeconfig.ca === undefined)
    throw new CommandError(`${dir.kubeconfig} names no CA: use the data directory of a server`)
  await using transport = httpTransport(kubeconfig)
  const api = restClient(transport, 'sampan-node').resource<ConfigMap>(configMaps)
  const added = await add(api, lines)
  print(added === 0 ? 'on the list already' : `${added} key${added === 1 ? '' : 's'} added`)
  print(`sampan join ${kubeconfig.server} --ca-hash ${caDigestOf(kubeconfig.ca)}`)
}

/** Throws `CommandError`. */
function linesOf(keyOrFile: string, nodeName: string | undefined): readonly string[] {
  const text = !isNodeKey(keyOrFile) && existsSync(keyOrFile) ? readFileSync(keyOrFile, 'utf8') : keyOrFile
  const found = parseAllowedKeys({ text })
  if (found.length === 0)
    throw new CommandError(
      `${JSON.stringify(keyOrFile.slice(0, 200))} is no public key and no file of them: \`sampan identity\` prints a machine's`,
    )
  if (nodeName !== undefined && found.length > 1)
    throw new CommandError('--as gives one key a name: write the names behind the keys of the file')
  return found.map((allowed) => {
    const name = nodeName ?? allowed.nodeName
    return name === undefined ? allowed.key : `${allowed.key} ${name}`
  })
}

/** How many of the lines were new. */
async function add(api: ResourceClient<ConfigMap>, lines: readonly string[]): Promise<number> {
  const { name, namespace } = allowedKeysConfigMap
  for (let tries = 1; ; tries++) {
    const present = await api.get(name, { namespace }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const known = parseAllowedKeys(present?.data)
    const fresh = lines.filter((line) => {
      const [key = '', only] = line.split(' ')
      return only === undefined
        ? !known.some((allowed) => allowed.key === key && allowed.nodeName === undefined)
        : !isAllowed(known, key, only)
    })
    if (fresh.length === 0) return 0
    const before = present?.data?.[entry] ?? ''
    const data = {
      ...present?.data,
      [entry]: `${before}${before && !before.endsWith('\n') ? '\n' : ''}${fresh.join('\n')}\n`,
    }
    try {
      if (present) await api.update({ ...present, data })
      else await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data })
      return fresh.length
    } catch (error) {
      if (tries >= triesMax || !(isConflict(error) || isAlreadyExists(error))) throw error
    }
  }
}
