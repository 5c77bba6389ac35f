// An HTTP server whose answers wait for /release, and which can be made busy. Says what it sees of its own handles.
const { createServer } = require('node:http')

const waiting = []
function burnTheCpu(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}
const server = createServer((request, response) => {
  if (request.url === '/wait') return void waiting.push(response)
  if (request.url === '/burn') burnTheCpu(200)
  if (request.url === '/release') for (const one of waiting.splice(0)) one.end('released')
  if (request.url === '/handles') {
    return void response.end(
      JSON.stringify({
        handles: process._getActiveHandles().map((handle) => handle.constructor.name),
        resources: process.getActiveResourcesInfo(),
      }),
    )
  }
  response.end('ok')
})
if (process.argv[2] === 'short') setTimeout(() => console.log('over'), Number(process.argv[3]))
else server.listen(0, '127.0.0.1', () => console.log(server.address().port))
