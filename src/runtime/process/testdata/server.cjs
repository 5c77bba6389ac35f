// A program that hard-codes its port, as many do. Answers with its NAME; at /self it calls its own localhost.
'use strict'
const http = require('node:http')
const server = http.createServer((request, response) => {
  if (request.url === '/self') void callSelf().then((text) => response.end(text))
  else response.end(process.env.NAME)
})
server.listen(3000)
console.log(JSON.stringify(server.address()))

async function callSelf() {
  const fetched = await (await fetch('http://localhost:3000/')).text()
  return [fetched, await get('http://127.0.0.1:3000/'), await get('http://[::1]:3000/')].join()
}

function get(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, (response) => {
      response.setEncoding('utf8')
      response.on('data', resolve)
    })
    request.on('error', reject)
  })
}
