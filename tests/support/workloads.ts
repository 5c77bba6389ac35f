import { readdirSync, readFileSync } from 'node:fs'

export interface WorkloadProcess {
  readonly pid: number
  /** `<podUID>_<container>_<attempt>` */
  readonly id: string
  readonly command: string
}

/** The programs of apps themselves, not the shell and the sandbox around each. */
export const isProgram = ({ command }: WorkloadProcess): boolean =>
  !command.startsWith('/bin/sh') && !command.startsWith('/usr/bin/bwrap')

/** Every process on the machine that carries the mark of one of a cluster's workloads, by pid. */
export function workloadProcesses(dataDir: string): readonly WorkloadProcess[] {
  const found: WorkloadProcess[] = []
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8')
      const id = /(?:^|\0)SAMPAN_WORKLOAD=([^\0]*)\.[^.\0]*/.exec(environment)?.[1]
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      if (id !== undefined && command !== '' && environment.includes(dataDir))
        found.push({ pid: Number(name), id, command })
    } catch {
      // It ended while we looked.
    }
  }
  return found.toSorted((a, b) => a.pid - b.pid)
}
