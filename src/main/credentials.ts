import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import { issueClientCertificate, type KeyPair } from '../apiserver/certificates.ts'
import { mastersGroup } from '../apiserver/stages/authenticate.ts'
import { kubeconfigText, readKubeconfig } from '../client/kubeconfig.ts'
import { credentialOf, writeWhole, type DataDir } from './data-dir.ts'

export interface CredentialsOptions {
  readonly dir: DataDir
  readonly ca: KeyPair
  /** `https://127.0.0.1:18888` */
  readonly server: string
  /** Empty: there is no agent here, and no gateway. */
  readonly nodeName: string
  readonly clock: Clock
}

/** A certificate with less time left than this is replaced. Clients live for a year. */
const renewBeforeMs = 120 * 24 * 3_600_000

/** Writes a kubeconfig for everybody who needs one; a certificate that is good for long enough stays as it is. */
export async function writeCredentials({
  dir,
  ca,
  server,
  nodeName,
  clock,
}: CredentialsOptions): Promise<void> {
  const subjects = [
    { file: dir.kubeconfig, user: 'admin', organizations: [mastersGroup] },
    ...(nodeName === ''
      ? []
      : [
          {
            file: credentialOf(dir, 'agent'),
            user: `system:node:${nodeName}`,
            organizations: ['system:nodes'],
          },
          {
            file: credentialOf(dir, 'gateway'),
            user: 'system:sampan-gateway',
            organizations: ['system:sampan'],
          },
        ]),
  ]
  await Promise.all(
    subjects.map(async ({ file, user, organizations }) => {
      const present = await readGood(file, ca.cert, clock)
      if (present?.server === server) return
      const { cert, key } =
        present ?? (await issueClientCertificate({ ca, commonName: user, organizations, clock }))
      writeWhole(file, kubeconfigText({ server, ca: ca.cert, cert, key, user }))
    }),
  )
}

interface Good {
  readonly server: string
  readonly cert: string
  readonly key: string
}

async function readGood(file: string, ca: string, clock: Clock): Promise<Good | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const present = await readKubeconfig(file)
    const { cert, key, server } = present
    if (!cert || !key || present.ca !== ca) return undefined
    const leftMs = Date.parse(new X509Certificate(cert).validTo) - clock.now().getTime()
    return leftMs > renewBeforeMs ? { server, cert, key } : undefined
  } catch {
    return undefined // unreadable or cut short: written anew
  }
}

/**
 * What the servers of one cluster share, to open the keys that are sealed in their store. Made at the first start unless
 * `given`, which is kept for later starts.
 */
export function serverToken(dir: DataDir, given: string | undefined, random: Random): string {
  const file = join(dir.credentials, 'server.token')
  const present = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  if (given !== undefined && given !== present) writeWhole(file, `${given}\n`)
  else if (present === undefined) writeWhole(file, `${random.token(32)}\n`)
  return readFileSync(file, 'utf8').trim()
}

/** cluster-admin for clients without certificates, on the plain port for example. Made at the first start. */
export function adminToken(dir: DataDir, random: Random): string {
  const file = join(dir.credentials, 'admin.token')
  if (!existsSync(file)) writeWhole(file, `${random.token(32)}\n`)
  return readFileSync(file, 'utf8').trim()
}
