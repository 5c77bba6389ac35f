/** What the agent knows of its machine, read from the system. */
import { readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, networkInterfaces, platform, release, totalmem } from 'node:os'

export interface MachineFacts {
  readonly operatingSystem: string
  /** Go's name for it: `amd64`, `arm64`. */
  readonly architecture: string
  readonly kernelVersion: string
  readonly osImage: string
  readonly machineId: string
  readonly bootId: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly hostIP: string
}

/** What changes while the machine runs. */
export interface MachineLoad {
  readonly memoryTotalBytes: number
  readonly memoryAvailableBytes: number
  readonly diskTotalBytes: number
  readonly diskFreeBytes: number
  /** 0 where the file system doesn't count them. */
  readonly inodesTotal: number
  readonly inodesFree: number
}

const goArch: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

export async function readMachineFacts(): Promise<MachineFacts> {
  const osRelease = await readText('/etc/os-release')
  return {
    operatingSystem: platform(),
    architecture: goArch[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? platform(),
    machineId: (await readText('/etc/machine-id')).trim(),
    bootId: (await readText('/proc/sys/kernel/random/boot_id')).trim(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    hostIP: firstAddress(),
  }
}

export const readMachineLoad = async (dataDir: string): Promise<MachineLoad> => ({
  ...(await readMemoryLoad()),
  ...(await readDiskLoad(dataDir)),
})

export type MemoryLoad = Pick<MachineLoad, 'memoryTotalBytes' | 'memoryAvailableBytes'>
export type DiskLoad = Omit<MachineLoad, keyof MemoryLoad>

export async function readMemoryLoad(): Promise<MemoryLoad> {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readText('/proc/meminfo'))?.[1]
  const memoryTotalBytes = totalmem()
  return {
    memoryTotalBytes,
    memoryAvailableBytes: available === undefined ? memoryTotalBytes : Number(available) * 1024,
  }
}

export async function readDiskLoad(folder: string): Promise<DiskLoad> {
  const disk = await statfs(folder)
  return {
    diskTotalBytes: disk.blocks * disk.bsize,
    diskFreeBytes: disk.bavail * disk.bsize,
    inodesTotal: disk.files,
    inodesFree: disk.ffree,
  }
}

function firstAddress(): string {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { family, internal, address } of addresses ?? [])
      if (family === 'IPv4' && !internal && !address.startsWith('169.254.')) return address
  return '127.0.0.1'
}

/** Empty where the system has no such file. */
const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
