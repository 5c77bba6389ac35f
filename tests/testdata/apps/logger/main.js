// Prints numbered lines and ends; with LINGER set it goes on with a tick every 100 ms.
const lines = Number(process.env.LINES ?? 5)
for (let i = 1; i <= lines; i++) console.log(`line ${i}`)
console.log('the last line')
if (process.env.LINGER) {
  let ticks = 0
  setInterval(() => console.log(`tick ${++ticks}`), 100)
}
