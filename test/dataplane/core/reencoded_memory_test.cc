// What a re-encoded batch occupies while it waits for its target broker.
#include <doctest/doctest.h>

#include "core/block_pool.h"
#include "core/memory_account.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// Regression: the batch stayed in the vector in which it had been encoded. The vector had held the
// records before they were compressed, and still occupied a megabyte for these 200 bytes, of which
// the lane counted 200. With a target that does not answer, the lane kept many times
// in.flight.bytes.max.
TEST_CASE("a re-encoded batch that waits occupies the memory that the lane counts for it") {
  SimulationOptions options = Plain();
  options.exact = false;
  options.encode_ms_max = -1;  // the batch is encoded as soon as it is fetched
  Simulation sim("re-encoded", options);
  Fill(sim, 0, 1);
  Process* process = sim.Start();
  REQUIRE(sim.RunUntil([&] { return sim.Mirrored(0).size() == 3; }, 10'000));
  sim.RunFor(1'000);
  const size_t before = BlockPool::OfProcess().totals().used;
  sim.target.broker(0).frozen_until = sim.agenda.now + 30'000;
  const int64_t end = sim.SourceLog(0).end();
  const std::string value(1'000'000, 'x');
  // The log cleaner has removed a record, so the batch cannot pass through.
  sim.SourceLog(0).Store(BuildBatch({{.offset = end, .timestamp = 5, .value = value}},
                                    {.codec = Codec::kZstd, .last_offset = end + 1}));
  REQUIRE(sim.RunUntil([&] { return sim.Counters(process, 0).queued_bytes > 0; }, 10'000));
  const size_t occupied = BlockPool::OfProcess().totals().used - before;
  CHECK(occupied > 0);
  CHECK(occupied < 4'096);
  CHECK(process->forwarder->SnapshotLane().held_bytes ==
        static_cast<int64_t>(occupied) + HeldBuffer::kResponseOverhead +
            HeldBuffer::kBatchOverhead);
}

}  // namespace
}  // namespace longhaul::test
