import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * The same for every process of this machine's network, and for no other machine: the machine's own id (or its name),
 * the boot, and the network namespace, since loopback addresses end there. Hashed, for the id itself is private.
 */
export function machineId(): string {
  const facts = ['/etc/machine-id', '/proc/sys/kernel/random/boot_id'].map((path) => {
    try {
      return readFileSync(path, 'utf8').trim()
    } catch {
      return hostname() // not on this system
    }
  })
  return createHash('sha256')
    .update([...facts, networkNamespace()].join('\n'))
    .digest('hex')
    .slice(0, 32)
}

function networkNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/net')
  } catch {
    return '' // no namespaces here
  }
}
