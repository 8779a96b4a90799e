// Applies the commands of operators to the partitions of a flow: control/ knows no partition
// states, partitions/ knows no control records.
import type { ControlledPartitions } from '../control/flow-control.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'

export function controlled ({ control, table }: FlowPartitions): ControlledPartitions {
  return {
    setPauses: pauseOf => {
      control.setPauses(partition => {
        const pause = pauseOf(partition)
        return pause === undefined ? undefined : { by: pause.by, sinceMs: pause.atMs }
      })
    },
    retry: async isMeant => { await control.retry(isMeant) },
    skip: (partition, { by, reason, to }) => control.skip(partition, { to, by, why: reason }),
    upstreamOf: partition => table.byName(partition)?.progress?.upstream
  }
}
