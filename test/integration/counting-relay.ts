// Passes connections on to a broker, counts them, and ends them when a test asks.
import { connect, createServer, type Socket } from 'node:net'
import type { CleanUp } from './mirror-process.ts'

export interface CountingRelay {
  readonly address: string
  readonly port: number
  /** All connections so far. */
  readonly connections: number
  /** Ends every connection; new ones are accepted. */
  reset (): void
}

/** `broker` is asked at each connection: a broker may advertise the relay and start after it. */
export async function startCountingRelay (
  t: CleanUp, broker: () => string
): Promise<CountingRelay> {
  let connections = 0
  const open = new Set<Socket>()
  const server = createServer(socket => {
    connections++
    const [host = '', port = ''] = broker().split(':')
    const onward = connect(Number(port), host)
    open.add(socket)
    socket.on('close', () => { open.delete(socket) })
    socket.on('error', () => { onward.destroy() })
    onward.on('error', () => { socket.destroy() })
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const reset = (): void => { for (const socket of open) socket.resetAndDestroy() }
  t.after(async () => {
    server.close()
    reset()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { address: `127.0.0.1:${port}`, port, get connections () { return connections }, reset }
}
