// A lane for lane-pool.test.ts that ends at the command `revoke`, never answers `stats`, and cannot
// open if the source is called `nowhere`: the error names the client. It reports the
// limits of its bandwidth as its question: their sum.
import type { LaneCommand, LaneTask } from '../../../src/dataplane/lane.ts'

export async function runLane ({ config, port }: LaneTask): Promise<void> {
  if (config.source['bootstrap.servers'] === 'nowhere') {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as the addon does
    throw { code: -186, detail: `no such place for ${config.source['client.id']}` }
  }
  await new Promise<void>((resolve, reject) => {
    port.on('message', (command: LaneCommand) => {
      if (command.kind === 'revoke') reject(new Error('it crashed'))
      if (command.kind === 'close') resolve()
      if (command.kind === 'bandwidth') {
        const rates = [command, ...command.topics]
        const question = rates.reduce((sum, rate) => sum + BigInt(rate.bytesPerSecond), 0n)
        port.postMessage({ kind: 'events', events: { question } })
      }
    })
    port.postMessage({ kind: 'opened' })
  })
  port.close()
}
