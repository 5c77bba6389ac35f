/** Finds out, once at start, whether this machine lets the agent give a program its own mounts. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { MountSupport } from './mounts.ts'

const tryTimeoutMs = 5_000

export async function findMountSupport(): Promise<MountSupport> {
  if (process.platform !== 'linux')
    return { usable: false, reason: `${process.platform} has no mount namespaces` }
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const users = uid === 0 ? [] : ['--user', '--map-root-user']
  const script = 'mount -t tmpfs sampan /mnt 2>/dev/null || mount -t tmpfs sampan /tmp'
  try {
    await promisify(execFile)(
      'unshare',
      [...users, '--mount', '--propagation', 'private', 'sh', '-ec', script],
      {
        timeout: tryTimeoutMs,
      },
    )
    return { usable: true, user: uid === 0 ? 'root' : { uid, gid } }
  } catch (error) {
    return { usable: false, reason: whyNot(error, uid) }
  }
}

function whyNot(error: unknown, uid: number): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    return '`unshare` of util-linux is missing; install util-linux'
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
  const next =
    uid === 0
      ? 'the agent lacks CAP_SYS_ADMIN'
      : 'run the agent as root, or allow unprivileged user namespaces'
  return `${text || 'unshare failed'}; ${next}`
}
