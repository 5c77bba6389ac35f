// Says why and fails.
console.error('cannot go on: no such boat')
process.exitCode = 3
