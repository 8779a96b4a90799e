// The far end's program of netns.ts, run inside the namespace: passes connections on to a Unix
// socket, which is a file and hence in all namespaces.
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
