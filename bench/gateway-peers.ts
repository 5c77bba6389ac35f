/** Configurations of the proxies that `bench/gateway.ts` compares: one process, one thread, kept connections on both sides, no access log. */
export interface Ports {
  readonly listen: number
  readonly upstream: number
}

const nginxHead = (
  folder: string,
) => `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3;
  uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;`

/** The app behind all proxies: answers from memory, faster than any of them. */
export const upstreamConfig = (
  folder: string,
  port: number,
  bodyBytes: number,
): string => `${nginxHead(folder)}
  server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(bodyBytes)}"; } }
}
`

export const nginxProxyConfig = (folder: string, { listen, upstream }: Ports): string => `${nginxHead(folder)}
  upstream app { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${listen};
    location / {
      proxy_pass http://app; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`

export const haproxyConfig = ({ listen, upstream }: Ports): string => `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 2s
  http-reuse always
  option forwardfor
frontend in
  bind 127.0.0.1:${listen}
  http-request set-header X-Forwarded-Proto http
  default_backend app
backend app
  server app 127.0.0.1:${upstream}
`

/** Caddy keeps 32 idle connections to an app by default; with 64 clients that would measure connecting. */
export const caddyConfig = ({ listen, upstream }: Ports): string => `{
  admin off
  auto_https off
}
http://127.0.0.1:${listen} {
  reverse_proxy 127.0.0.1:${upstream} {
    transport http {
      keepalive_idle_conns_per_host 128
    }
  }
}
`
