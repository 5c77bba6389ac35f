/**
 * The filter of system calls for sandboxed programs, as the program of classic BPF that the kernel takes (seccomp(2)). A list
 * of what is refused: Node.js programs and their native parts use most of the rest. Refused is what reaches other processes,
 * makes namespaces or mounts, loads code into the kernel, or has been the way out of many a container. Pure.
 */

export type SeccompArch = 'x64' | 'arm64'

/** Linux's numbers; x64 has its own, arm64 those of asm-generic/unistd.h. */
const refused: Readonly<Record<string, Readonly<Record<SeccompArch, number>>>> = {
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  process_madvise: { x64: 440, arm64: 440 },
  pidfd_getfd: { x64: 438, arm64: 438 },
  kcmp: { x64: 312, arm64: 272 },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  reboot: { x64: 169, arm64: 142 },
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  pivot_root: { x64: 155, arm64: 41 },
  chroot: { x64: 161, arm64: 51 },
  open_tree: { x64: 428, arm64: 428 },
  move_mount: { x64: 429, arm64: 429 },
  fsopen: { x64: 430, arm64: 430 },
  fsconfig: { x64: 431, arm64: 431 },
  fsmount: { x64: 432, arm64: 432 },
  fspick: { x64: 433, arm64: 433 },
  mount_setattr: { x64: 442, arm64: 442 },
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  userfaultfd: { x64: 323, arm64: 282 },
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
  io_uring_setup: { x64: 425, arm64: 425 },
  io_uring_enter: { x64: 426, arm64: 426 },
  io_uring_register: { x64: 427, arm64: 427 },
  name_to_handle_at: { x64: 303, arm64: 264 },
  open_by_handle_at: { x64: 304, arm64: 265 },
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  delete_module: { x64: 176, arm64: 106 },
  swapon: { x64: 167, arm64: 224 },
  swapoff: { x64: 168, arm64: 225 },
  acct: { x64: 163, arm64: 89 },
  settimeofday: { x64: 164, arm64: 170 },
  clock_settime: { x64: 227, arm64: 112 },
  clock_adjtime: { x64: 305, arm64: 266 },
  adjtimex: { x64: 159, arm64: 171 },
  syslog: { x64: 103, arm64: 116 },
  quotactl: { x64: 179, arm64: 60 },
  move_pages: { x64: 279, arm64: 239 },
  migrate_pages: { x64: 256, arm64: 238 },
  mbind: { x64: 237, arm64: 235 },
  set_mempolicy: { x64: 238, arm64: 237 },
  vhangup: { x64: 153, arm64: 58 },
  fanotify_init: { x64: 300, arm64: 262 },
}

/** Only there: ports, and tables of the processor. */
const refusedOnX64: readonly number[] = [172, 173, 154] // iopl, ioperm, modify_ldt

const clone: Readonly<Record<SeccompArch, number>> = { x64: 56, arm64: 220 }
const clone3 = 435
const ioctl: Readonly<Record<SeccompArch, number>> = { x64: 16, arm64: 29 }
const socket: Readonly<Record<SeccompArch, number>> = { x64: 41, arm64: 198 }

const auditArch: Readonly<Record<SeccompArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 }
/** The other calling convention of x64 kernels, whose numbers would pass the list. */
const x32Bit = 0x40000000

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e020000
/** TIOCSTI types into a terminal, TIOCLINUX pastes into one. */
const refusedIoctls = [0x5412, 0x541c]
/** UNIX, INET, INET6, NETLINK (which interfaces there are). Others talk to hypervisors, kernels and radios. */
const socketFamilies = [1, 2, 10, 16]

const errno = { EPERM: 1, ENOSYS: 38, EAFNOSUPPORT: 97 }
const allow = 0x7fff0000
const killProcess = 0x80000000
const fail = (number: number): number => 0x00050000 + number

// linux/bpf_common.h: load a word of the call's data, jump by comparison, and, return.
const op = { load: 0x20, equal: 0x15, greaterOrEqual: 0x35, anyBit: 0x45, return: 0x06 }
/** struct seccomp_data: number, architecture, instruction pointer, six arguments of eight bytes each (low half first). */
const at = { number: 0, arch: 4, argument: (n: number) => 16 + 8 * n }

interface Instruction {
  readonly code: number
  readonly value: number
  readonly ifTrue: number
  readonly ifFalse: number
}

const load = (offset: number): Instruction => ({ code: op.load, value: offset, ifTrue: 0, ifFalse: 0 })
const give = (action: number): Instruction => ({ code: op.return, value: action, ifTrue: 0, ifFalse: 0 })
/** Goes on when it holds, else skips as many instructions. */
const when = (code: number, value: number, skip: number): Instruction => ({
  code,
  value,
  ifTrue: 0,
  ifFalse: skip,
})
const giveIf = (code: number, value: number, action: number): Instruction[] => [
  when(code, value, 1),
  give(action),
]

/** One call whose arguments matter: its test, then `allow`. The number is loaded before and after. */
const ofCall = (number: number, body: readonly Instruction[]): Instruction[] => [
  when(op.equal, number, body.length + 1),
  ...body,
  give(allow),
]

export function seccompInstructions(arch: SeccompArch): readonly Instruction[] {
  const numbers = [
    ...Object.values(refused).map((call) => call[arch]),
    ...(arch === 'x64' ? refusedOnX64 : []),
  ]
  return [
    load(at.arch),
    { ...when(op.equal, auditArch[arch], 0), ifTrue: 1 },
    give(killProcess),
    load(at.number),
    ...(arch === 'x64' ? giveIf(op.greaterOrEqual, x32Bit, fail(errno.EPERM)) : []),
    // Its flags lie in memory, where a filter can't look: without it libraries use clone.
    ...giveIf(op.equal, clone3, fail(errno.ENOSYS)),
    ...numbers.flatMap((number) => giveIf(op.equal, number, fail(errno.EPERM))),
    ...ofCall(clone[arch], [load(at.argument(0)), ...giveIf(op.anyBit, newNamespaces, fail(errno.EPERM))]),
    ...ofCall(ioctl[arch], [
      load(at.argument(1)),
      ...refusedIoctls.flatMap((request) => giveIf(op.equal, request, fail(errno.EPERM))),
    ]),
    ...ofCall(socket[arch], [
      load(at.argument(0)),
      ...socketFamilies.flatMap((family) => giveIf(op.equal, family, allow)),
      give(fail(errno.EAFNOSUPPORT)),
    ]),
    give(allow),
  ]
}

/** struct sock_filter[], as `bwrap --seccomp` reads it. */
export function seccompProgram(arch: SeccompArch): Uint8Array {
  const instructions = seccompInstructions(arch)
  const bytes = new DataView(new ArrayBuffer(instructions.length * 8))
  for (const [index, { code, value, ifTrue, ifFalse }] of instructions.entries()) {
    bytes.setUint16(index * 8, code, true)
    bytes.setUint8(index * 8 + 2, ifTrue)
    bytes.setUint8(index * 8 + 3, ifFalse)
    bytes.setUint32(index * 8 + 4, value, true)
  }
  return new Uint8Array(bytes.buffer)
}

/** Undefined where the numbers of the calls aren't known: there is no sandbox then. */
export const seccompArch = (arch: string): SeccompArch | undefined =>
  arch === 'x64' || arch === 'arm64' ? arch : undefined
