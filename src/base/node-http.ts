/**
 * `node:http`, to be taken from here. An `import` of it reads every export, and two of them are getters that load
 * Node.js' WebSocket client: 6 MB of memory and 20 ms in each process, for something that Sampan never uses.
 */
export const http = process.getBuiltinModule('node:http')
