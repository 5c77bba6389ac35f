// The same as an ES module, with named imports.
import { createServer } from 'node:http'

createServer((_request, response) => response.end(process.env.NAME)).listen(3000, '0.0.0.0', () =>
  console.log('up'),
)
