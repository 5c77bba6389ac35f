/** Tarballs with what tar(1) would not write: paths that lead out, and links. */
import { gzipSync } from 'node:zlib'

export interface TarEntry {
  /** At most 100 bytes. */
  readonly path: string
  readonly content?: string
  /** A symbolic link to there, instead of a file. */
  readonly linkTo?: string
}

const blockBytes = 512
/** Name, mode, owner, group, size, time, checksum, kind, link, magic, version: POSIX ustar. */
const widths = [100, 8, 8, 8, 12, 12, 8, 1, 100, 6, 2] as const
const checksumAt = 148

export const tarball = (entries: readonly TarEntry[]): Buffer =>
  gzipSync(Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * blockBytes)]))

function blocksOf({ path, content = '', linkTo }: TarEntry): readonly Buffer[] {
  const body = Buffer.from(content)
  const size = body.length.toString(8).padStart(11, '0')
  const kind = linkTo === undefined ? '0' : '2'
  const id = '0000000'
  const fields = [
    path,
    '0000755',
    id,
    id,
    size,
    '00000000000',
    ' '.repeat(8),
    kind,
    linkTo ?? '',
    'ustar',
    '00',
  ]
  const header = Buffer.alloc(blockBytes)
  let at = 0
  for (const [index, width] of widths.entries()) {
    header.write(fields[index] ?? '', at, width)
    at += width
  }
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, checksumAt, 8)
  return [header, body, Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes)]
}
