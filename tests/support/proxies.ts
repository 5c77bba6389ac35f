/** Real proxies: one that takes CONNECT from those with a password, and one that ends TLS and lets nothing but WebSockets through. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCa, openServerCertificate } from '../../src/apiserver/certificates.ts'
import { realClock } from '../../src/base/clock.ts'
import type { Host } from './hosts.ts'

export interface Proxy extends AsyncDisposable {
  /** A line for each request or connection. */
  readonly log: () => string
}

export interface ProxyPlace {
  readonly host: Host
  readonly address: string
  readonly port: number
}

/** tinyproxy, for one user. */
export function openConnectProxy(
  { address, host, port }: ProxyPlace,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<Proxy> {
  return openProxy(host, (folder) => {
    const lines = [
      `Port ${port}`,
      `Listen ${address}`,
      'Timeout 600',
      'MaxClients 100',
      `BasicAuth ${user} ${password}`,
      `LogFile "${folder}/log"`,
      'LogLevel Connect',
    ]
    writeFileSync(join(folder, 'conf'), lines.join('\n'))
    return ['tinyproxy', '-d', '-c', join(folder, 'conf')]
  })
}

/** nginx with a certificate that nobody knows; whatever is no WebSocket is refused. */
export function openWebSocketProxy({ address, host, port }: ProxyPlace, upstream: string): Promise<Proxy> {
  return openProxy(host, async (folder) => {
    const ca = await createCa(realClock)
    await openServerCertificate({ directory: folder, ca, hosts: [address], clock: realClock })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    const text = `
      daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
      events {}
      http {
        ${temporary}
        log_format short '$status $request_uri $http_upgrade';
        access_log ${folder}/log short;
        server {
          listen ${address}:${port} ssl;
          ssl_certificate ${folder}/server.crt;
          ssl_certificate_key ${folder}/server.key;
          location / {
            if ($http_upgrade != "websocket") { return 403; }
            proxy_pass http://${upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
          }
        }
      }`
    writeFileSync(join(folder, 'conf'), text)
    writeFileSync(join(folder, 'log'), '')
    return ['nginx', '-e', 'stderr', '-p', folder, '-c', join(folder, 'conf')]
  })
}

type Prepare = (folder: string) => readonly string[] | Promise<readonly string[]>

async function openProxy(host: Host, prepare: Prepare): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-proxy-'))
  const [program = '', ...args] = await prepare(folder)
  const [first, all] = host.command(program, args)
  const child = spawn(first, all, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  return {
    log: () => readFileSync(join(folder, 'log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
