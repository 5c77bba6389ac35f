import { findProgram } from '../sandbox/find-program.ts'

const programs = ['unshare', 'setpriv', 'iptables', 'ip6tables']

/** Why tests of the network wall can't run here. They make rules in a network namespace of their own. */
export function noPacketFilter(): string | false {
  if (process.getuid?.() !== 0) return 'only root has a packet filter'
  const missing = programs.find((name) => findProgram(name) === undefined)
  return missing === undefined ? false : `${missing} is not installed`
}
