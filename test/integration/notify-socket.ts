// The socket of a service manager, as systemd's NOTIFY_SOCKET: a program in Python receives the
// datagrams, because Node.js has no Unix datagram sockets.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { eventually } from '../kafka/eventually.ts'
import type { CleanUp } from '../kafka/failed-test.ts'
import { createTempFolder, killChild, removeFolder, spawnGuarded } from '../kafka/process-guard.ts'

const receiver = `
import json, socket, sys
receiving = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiving.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1][0] == "@" else sys.argv[1])
print(json.dumps("bound"), flush=True)
while True: print(json.dumps(receiving.recv(65536).decode()), flush=True)
`

export interface NotifySocket {
  /** For NOTIFY_SOCKET. */
  readonly name: string
  /** The lines of all datagrams so far. */
  readonly lines: readonly string[]
  /** Resolves once a line matches. */
  readonly until: (wanted: RegExp) => Promise<void>
}

export async function openNotifySocket (
  t: CleanUp, kind: 'abstract' | 'path'
): Promise<NotifySocket> {
  const folder = createTempFolder('notify')
  const name = kind === 'path' ? join(folder, 'socket') : `@longhaul-${process.pid}-${Date.now()}`
  const child = spawnGuarded('python3', ['-c', receiver, name],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    await killChild(child)
    removeFolder(folder)
  })
  const lines: string[] = []
  if (child.stdout === null) throw new Error('the receiver has no output')
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(...(JSON.parse(line) as string).split('\n'))
  })
  const until = async (wanted: RegExp): Promise<void> => {
    await eventually(`${String(wanted)} of systemd's socket`, () =>
      lines.some(line => wanted.test(line)), { timeoutMs: 60_000 })
  }
  await until(/^bound$/)
  return { name, lines, until }
}
