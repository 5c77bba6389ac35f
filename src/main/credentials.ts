import { X509Certificate } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import { issueClientCertificate, type ServerCertificates } from '../apiserver/certificates.ts'
import { mastersGroup } from '../apiserver/stages/authenticate.ts'
import { kubeconfigText, readKubeconfig } from '../client/kubeconfig.ts'
import { credentialOf, type DataDir } from './data-dir.ts'

export interface CredentialsOptions {
  readonly dir: DataDir
  readonly certificates: ServerCertificates
  /** `https://127.0.0.1:18888` */
  readonly server: string
  readonly nodeName: string
  readonly clock: Clock
  readonly random: Random
}

/** A certificate with less time left than this is replaced. Clients live for a year. */
const renewBeforeMs = 120 * 24 * 3_600_000

/** Writes a kubeconfig for everybody who needs one; those that are good for long enough stay as they are. */
export async function writeCredentials({
  dir,
  certificates,
  server,
  nodeName,
  clock,
  random,
}: CredentialsOptions): Promise<void> {
  const subjects = [
    { file: dir.kubeconfig, user: 'admin', organizations: [mastersGroup] },
    { file: credentialOf(dir, 'agent'), user: `system:node:${nodeName}`, organizations: ['system:nodes'] },
    { file: credentialOf(dir, 'gateway'), user: 'system:sampan-gateway', organizations: ['system:sampan'] },
  ]
  await Promise.all(
    subjects.map(async ({ file, user, organizations }) => {
      if (await isGood(file, { certificates, server, clock })) return
      const { cert, key } = await issueClientCertificate({
        ca: certificates.ca,
        commonName: user,
        organizations,
        clock,
      })
      writeWhole(file, kubeconfigText({ server, ca: certificates.ca.cert, cert, key, user }), random)
    }),
  )
}

async function isGood(
  file: string,
  { certificates, server, clock }: Pick<CredentialsOptions, 'certificates' | 'server' | 'clock'>,
): Promise<boolean> {
  if (!existsSync(file)) return false
  try {
    const present = await readKubeconfig(file)
    const certificate = new X509Certificate(present.cert ?? '')
    const leftMs = Date.parse(certificate.validTo) - clock.now().getTime()
    return present.server === server && present.ca === certificates.ca.cert && leftMs > renewBeforeMs
  } catch {
    return false // unreadable or cut short: written anew
  }
}

/** Whoever reads the file sees the old text or the new, never a part. */
function writeWhole(file: string, text: string, random: Random): void {
  const temporary = `${file}.${random.suffix(5)}`
  writeFileSync(temporary, text, { mode: 0o600 })
  renameSync(temporary, file)
}
