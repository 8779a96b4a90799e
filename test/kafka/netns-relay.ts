// The program of netns.ts at the far end, inside the namespace: forwards connections to a Unix
// socket, which is a file and so visible in all namespaces.
// Usage: node netns-relay.js ADDRESS PORT SOCKET

import { connect, createServer } from 'node:net'

const [address, port, path = ''] = process.argv.slice(2)

const server = createServer({ allowHalfOpen: true }, client => {
  const broker = connect({ path, allowHalfOpen: true })
  client.on('error', () => { broker.destroy() })
  broker.on('error', () => { client.destroy() })
  client.pipe(broker).pipe(client)
})
server.listen(Number(port), address, () => { console.log('listening') })
