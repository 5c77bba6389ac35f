// Ignores the request to end.
process.on('SIGTERM', () => console.log('SIGTERM ignored'))
console.log('here to stay')
setInterval(() => {}, 60_000)
