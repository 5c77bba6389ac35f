/**
 * Node.js's own permission model around a program: what it may do with files, and that it starts no other programs, threads, native
 * addons and WASI. The options travel in NODE_OPTIONS, so every Node.js that `exec` starts beside the program has them too. Pure.
 *
 * The model trusts the options that a program is started with, and native code. Hence the lists here: an option that isn't known to
 * leave the model alone is refused, and so is a variable by which native code gets in.
 */
import semver from 'semver'
import type { Permission } from '../../runtime.ts'
import { insightBind } from '../insight.ts'

/**
 * Those whose model holds. Earlier ones, and all of 20, 21, 23 and 25, let through the folder in which two granted paths part, which is
 * often `/`: a program could list it, close it to everybody, or remove it with all that is in it.
 */
export const permissionVersions = '>=22.23.2 <23 || >=24.18.1 <25 || >=26.5.1'
/** The network is asked about, too. */
const networkVersions = '>=26'

/** For NODE_OPTIONS, each as it is there: in quotes. */
export function permissionOptions(
  { version, read, write, extra }: Permission,
  stateDir: string,
): readonly string[] {
  // The preload lies there, and finds its sockets. Both by themselves would begin with the same letters: see `topmost`.
  const readable = topmost([...read, ...write, stateDir])
  const writable = topmost([...write, insightBind(stateDir).path])
  return [
    '--permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    ...writable.map((path) => `--allow-fs-write=${path}`),
    ...extra.map((name) => `--allow-${name}`),
    '--no-experimental-sqlite', // node:sqlite opens files that the model isn't asked about
    ...(semver.satisfies(version, networkVersions) ? ['--allow-net'] : []),
  ].map(quoted)
}

/**
 * Without what lies below another, which would be for nothing. Node.js lets no folder be listed when another path goes on with its
 * letters; what is in the folder is reached all the same.
 */
const topmost = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths)].filter((path) => !paths.some((other) => path.startsWith(`${other}/`)))

/** As NODE_OPTIONS are written. */
export const quoted = (option: string): string => `"${option.replace(/[\\"]/g, '\\$&')}"`

/** `*` is a wildcard in such a path. */
export const isGrantable = (path: string): boolean => !path.includes('*') && path !== '/'

/** They open no file that the model isn't asked about, load nothing native and leave the model as it is. */
const plainOptions = [
  '--enable-source-maps',
  '--experimental-require-module',
  '--experimental-strip-types',
  '--experimental-transform-types',
  '--experimental-vm-modules',
  '--experimental-websocket',
  '--expose-gc',
  '--insecure-http-parser',
  '--no-deprecation',
  '--no-network-family-autoselection',
  '--no-warnings',
  '--preserve-symlinks',
  '--preserve-symlinks-main',
  '--throw-deprecation',
  '--trace-deprecation',
  '--trace-uncaught',
  '--trace-warnings',
  '--use-bundled-ca',
  '--use-openssl-ca',
  '--use-system-ca',
]
/** With a value after `=`. */
const valueOptions = [
  '--disable-warning',
  '--dns-result-order',
  '--max-http-header-size',
  '--max-old-space-size',
  '--max-semi-space-size',
  '--stack-trace-limit',
  '--unhandled-rejections',
]
/** With a value after `=`, or as the next word. */
const wordOptions = [
  '-C',
  '--conditions',
  '-e',
  '--eval',
  '--import',
  '--input-type',
  '-p',
  '--print',
  '-r',
  '--require',
]

/** The first of the words after `node` that can't be let through; undefined when all can. What follows the script is its own business. */
export function refusedOption(words: readonly string[]): string | undefined {
  const other = firstOther(words)
  return other?.startsWith('-') && other !== '-' && other !== '--' ? other : undefined
}

/** The same for NODE_OPTIONS that a pod brings, in which there is no script. Quotes could hide what is in them. */
export const refusedNodeOption = (options: string): string | undefined =>
  /["\\]/.test(options) ? options : firstOther(options.split(' ').filter((word) => word !== ''))

/** The first word that is neither an option of the lists nor its value. */
function firstOther(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const [option = '', ...value] = word.split('=')
    const name = option.replace(/(?<=.)_/g, '-') // both are written
    const isWhole = value.length === 0
    if (isWhole ? plainOptions.includes(name) : [...valueOptions, ...wordOptions].includes(name)) continue
    if (!isWhole || !wordOptions.includes(name) || words[at + 1]?.startsWith('-')) return word
    at++
  }
  return undefined
}

/** They load native code into a program or the shells around it, or name a file that Node.js writes without asking. */
const refusedNames =
  /^(LD_.*|GCONV_PATH|GLIBC_TUNABLES|BASH_.*|OPENSSL_.*|NODE_REDIRECT_WARNINGS|NODE_V8_COVERAGE)$/

export const refusedVariable = (names: readonly string[]): string | undefined =>
  names.find((name) => refusedNames.test(name))
