/**
 * A program that makes a host worth attacking; `attacks.test.ts` runs it in a network of its own. It serves on loopback and on the
 * address of a cloud's metadata, and a registry whose packages try to write into the folder that is its argument. It prints
 * where, in one line of JSON, and serves until it is ended.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { openFakeRegistry } from '../../src/runtime/packages/testdata/fake-registry.ts'
import { tarball, type TarEntry } from './tarball.ts'

async function decoy(host: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.end()).listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** Of a user who is not root, on all addresses, as databases are that trust whoever comes from their own machine. */
function sharedDecoy(): number {
  process.seteuid?.('nobody')
  // Without a host it binds at once, while the user is the other.
  const server = createServer((socket) => socket.end()).listen(0)
  process.seteuid?.(0)
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

const [folder = ''] = process.argv.slice(2)
const loopback = await decoy('127.0.0.1')
await decoy('::1', loopback)
const metadata = await decoy('169.254.169.254')
const registry = await openFakeRegistry()
const toRoot = '../'.repeat(16)
const hostile: Readonly<Record<string, readonly TarEntry[]>> = {
  'by-path': [
    { path: `package/${toRoot.slice(0, -1)}${folder}/by-path`, content: 'planted' },
    { path: `${folder}/by-path`, content: 'planted' },
  ],
  'by-link': [
    { path: 'package/way', linkTo: folder },
    { path: 'package/way/by-link', content: 'planted' },
  ],
  'by-script': [],
}
for (const [name, entries] of Object.entries(hostile)) {
  const script = {
    scripts: {
      preinstall: `echo planted >${folder}/by-script`,
      postinstall: `echo planted >${folder}/by-script`,
    },
  }
  const manifest = {
    name,
    version: '1.0.0',
    main: 'index.js',
    ...(name === 'by-script' && { hasInstallScript: true, ...script }),
  }
  const files = [
    { path: 'package/package.json', content: JSON.stringify(manifest) },
    { path: 'package/index.js', content: '' },
  ]
  await registry.publish({ manifest, tarball: tarball([...files, ...entries]) })
}
console.log(JSON.stringify({ loopback, metadata, shared: sharedDecoy(), registry: registry.url }))
