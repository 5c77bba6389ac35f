// Answers with who it is; `/call?url=…` with what it got from there, by fetch; `/get?url=…` by http.request; `/lookup?name=…`.
'use strict'
const http = require('node:http')
const dns = require('node:dns')

const viaRequest = (url) =>
  new Promise((resolve, reject) => {
    const request = http.get(url, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    request.on('error', reject)
  })
const acts = {
  '/call': async (query) => (await fetch(query.get('url'))).text(),
  '/get': (query) => viaRequest(query.get('url')),
  '/lookup': async (query) => {
    const [promised, called] = await Promise.all([
      dns.promises.lookup(query.get('name')),
      new Promise((resolve, reject) =>
        dns.lookup(query.get('name'), { all: true }, (error, all) => (error ? reject(error) : resolve(all))),
      ),
    ])
    return JSON.stringify([promised.address, ...called.map(({ address }) => address)])
  },
  '/env': async (query) => String(process.env[query.get('name')]),
}

http
  .createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x')
    const act = acts[pathname] ?? (async () => `I am ${process.env.HOSTNAME}`)
    act(searchParams).then(
      (text) => response.end(text),
      (error) => {
        const cause = error.cause ?? error
        response.writeHead(500).end(`${cause.code}: ${cause.message}`)
      },
    )
  })
  .listen(3000, () => console.log('listening on 3000'))
