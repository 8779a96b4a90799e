#include "core/partition_moves.h"

#include <utility>

#include "core/assertion.h"

namespace longhaul {
namespace {

int8_t NextPhase(PartitionPhase phase, PartitionEvent event) {
  return kPartitionMoves[static_cast<size_t>(phase)][static_cast<size_t>(event)];
}

}  // namespace

void PartitionMoves::Add(Partition* p) {
  ListOf(*p).insert(p->id);
  fetch_changes_->insert(p->id);
  Report(p, true);
}

void PartitionMoves::Remove(const Partition& p) {
  ListOf(p).erase(p.id);
  ready_.erase(p.id);
  fetch_changes_->insert(p.id);
}

bool PartitionMoves::IsLegal(const Partition& p, PartitionEvent event) const {
  return NextPhase(p.phase, event) >= 0;
}

void PartitionMoves::Move(Partition* p, PartitionEvent event) {
  if (!IsLegal(*p, event))
    FailAssertion(std::string("event ") + kPartitionEventNames[static_cast<size_t>(event)] +
                  " is illegal in phase " + p->traits().name);
  // A skip that is interrupted starts again with the next scan.
  if (p->phase == PartitionPhase::kSkipping && event != PartitionEvent::kSeamPassed)
    p->ResetToProgress();
  Enter(p, static_cast<PartitionPhase>(NextPhase(p->phase, event)));
}

void PartitionMoves::Enter(Partition* p, PartitionPhase phase) {
  fetch_changes_->insert(p->id);
  if (phase != p->phase) {
    ListOf(*p).erase(p->id);
    p->phase = phase;
    ListOf(*p).insert(p->id);
    if (!p->traits().is_active) p->obstacles = {};
    Report(p);
  }
  if (p->traits().produces) ready_.insert(p->id);
}

void PartitionMoves::Fail(Partition* p, Fault fault) {
  if (!IsLegal(*p, PartitionEvent::kFaults)) return;
  (*errors_)[fault.code]++;
  p->ResetToProgress();
  p->delivery.refusal = {};
  p->shown.skip = fault.skip;
  p->shown.code = fault.code;
  p->shown.detail = std::move(fault.detail);
  Move(p, PartitionEvent::kFaults);
}

void PartitionMoves::EndSource(Partition* p, Fault fault) {
  if (p->traits().fetches && p->has_nothing_to_send()) return Fail(p, std::move(fault));
  if (!IsLegal(*p, PartitionEvent::kSourceEnds)) return;
  p->source.ending = std::move(fault);
  Move(p, PartitionEvent::kSourceEnds);
}

void PartitionMoves::CountObstacle(Partition* p, Side side, int32_t code,
                                   const std::string& detail) {
  (*errors_)[code]++;
  SetObstacle(p, side, code, detail);
}

void PartitionMoves::SetObstacle(Partition* p, Side side, int32_t code,
                                 const std::string& detail) {
  if (!p->traits().is_active || p->obstacles[side].code == code) return;
  p->obstacles[side] = {code, detail};
  // The next Fetch has to show whether the error of the source persists.
  if (side == Side::kSource) fetch_changes_->insert(p->id);
  Report(p);
}

void PartitionMoves::ClearObstacle(Partition* p, Side side) {
  if (p->obstacles[side].code == 0) return;
  p->obstacles[side] = {};
  Report(p);
}

// An obstacle of the target is shown first, because the source is read again only when the target
// accepts batches. A released partition shows why the target has not acknowledged all batches.
void PartitionMoves::Report(Partition* p, bool always) {
  const bool is_active = p->traits().is_active;
  const Obstacle& obstacle = !is_active                      ? p->delivery.unacknowledged
                             : p->obstacles.target.code != 0 ? p->obstacles.target
                                                             : p->obstacles.source;
  const PartitionState state =
      is_active && obstacle.code != 0 ? PartitionState::kWaiting : p->traits().shows;
  const bool is_fault = state == PartitionState::kFaulted;
  if (!always && !is_fault && state == p->shown.state && obstacle.code == p->shown.code) return;
  p->shown.state = state;
  if (!is_fault) p->shown = {state, obstacle.code, obstacle.detail, {}};
  events_->State(*p);
}

void PartitionMoves::CheckInvariants(const Partition& p) const {
  for (size_t list = 0; list < kWorkListCount; list++)
    Assert(lists_[list].contains(p.id) == (static_cast<size_t>(p.traits().list) == list),
           "a partition is in the list of its phase and in no other");
}

}  // namespace longhaul
