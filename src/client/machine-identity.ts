import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** The annotation of a Node that carries `readMachineIdentity` of its agent. */
export const machineIdAnnotation = 'sampan.dev/machine-id'

/** The annotation of a Node that carries the key its machine proves itself by: base64 of the DER public key. */
export const identityKeyAnnotation = 'sampan.dev/identity-key'

/**
 * Says whether two processes see the same loopback: equal exactly when they run on the same boot of the same machine
 * and in the same network namespace. The gateway compares its own with a node's before it dials 127.x. A hash,
 * because Node objects are read by people who needn't know a machine's ids.
 */
export function readMachineIdentity(): string {
  const facts = process.platform === 'linux' ? linuxFacts() : [hostname()]
  return createHash('sha256')
    .update(`sampan machine\n${facts.join('\n')}`)
    .digest('hex')
    .slice(0, 32)
}

const linuxFacts = (): readonly string[] => [
  readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  readlinkSync('/proc/self/ns/net'),
]
