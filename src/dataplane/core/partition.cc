#include "core/partition.h"

#include "core/assertion.h"

namespace longhaul {

void Partition::CheckInvariants(bool in_full) const {
  const bool skips = phase == PartitionPhase::kSkipping;
  Assert(skips == (source.records_to_skip > 0), "a partition skips while it has records to skip");
  Assert(!skips || has_nothing_to_send(),
         "nothing is queued while records of the source are skipped");
  if (!skips) queue.CheckInvariants(progress.sequence, in_full);
  if (in_full) intake.CheckInvariants(queue_end(), source.offset);
  const bool may_be_in_flight = traits().produces || phase == PartitionPhase::kSettling ||
                                phase == PartitionPhase::kMoving ||
                                phase == PartitionPhase::kStopping;
  Assert(may_be_in_flight || queue.outstanding() == 0, "only some phases have batches in flight");
  Assert((phase == PartitionPhase::kSettling) <= (delivery.refusal.code != 0),
         "a partition settles a refusal");
  Assert(phase != PartitionPhase::kRetrying || delivery.attempts > 0,
         "a partition that retries has tried before");
  Assert(!traits().produces || leaders.target.node >= 0,
         "a partition produces to a leader that is known");
  Assert(traits().is_active || (obstacles.source.code == 0 && obstacles.target.code == 0),
         "obstacles are those of active phases");
}

}  // namespace longhaul
