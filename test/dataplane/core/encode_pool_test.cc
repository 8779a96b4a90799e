// The threads that encode for all lanes. These tests are the ones in which ThreadSanitizer finds
// something if the hand-over between a lane and the threads is wrong.
#include "core/encode_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "batch_fixture.h"
#include "core/pooled_buffer.h"
#include "core/reencode_job.h"

namespace longhaul::test {
namespace {

// A batch that the log cleaner has thinned, in a buffer as a response has it.
struct Thinned {
  Thinned(MemoryAccount* memory, Random* random, Codec codec, int64_t offset) {
    auto records = RandomRecords(*random, 1 + random->Below(20), offset, true, 500);
    const Bytes bytes = BuildBatch(records, {.codec = codec, .base_offset = offset});
    expected = records;
    auto block = std::make_shared<PooledBuffer>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), block->data());
    buffer = memory->Hold(std::move(block));
    span = BatchSpan(RecordBatchView(buffer->data()));
  }
  std::shared_ptr<ReencodeJob> Job(uint32_t partition) {
    return std::make_shared<ReencodeJob>(partition, buffer, span, 0, ReencodeLimits{1 << 20});
  }

  std::vector<TestRecord> expected;
  HeldRef buffer;
  BatchSpan span;
};

// A job that waits until it may end, and says when it runs.
class BlockedJob final : public EncodeJob {
 public:
  explicit BlockedJob(std::counting_semaphore<>* runs, std::counting_semaphore<>* may_end)
      : EncodeJob(1, 1 << 20), runs_(runs), may_end_(may_end) {}
  void Run(const CompressionCodecs&) override {
    runs_->release();
    may_end_->acquire();
    has_run = true;
  }
  void Hold(MemoryAccount*) override {}
  bool has_run = false;

 private:
  std::counting_semaphore<>* runs_;
  std::counting_semaphore<>* may_end_;
};

// The thread of a lane that waits for jobs.
struct WaitingLane {
  explicit WaitingLane(std::shared_ptr<EncodePool> pool)
      : executor(std::move(pool), &Codecs(), [this] { woken.release(); }) {}
  std::vector<EncodeJobRef> Wait() {
    woken.acquire();
    return executor.TakeDone();
  }
  std::counting_semaphore<> woken{0};
  EncodePool::Lane executor;
};

// Several lanes, each with a thread and an account of its own, over one pool.
TEST_CASE("jobs of several lanes are encoded as on the thread of the lane") {
  const auto pool = std::make_shared<EncodePool>(4);
  std::vector<std::thread> lanes;
  std::atomic<int> failures = 0;
  for (int number = 0; number < 3; ++number) {
    lanes.emplace_back([&pool, &failures, number] {
      Random random("pool " + std::to_string(number));
      MemoryAccount memory(ForwarderSettings{}, nullptr);
      {
        WaitingLane lane(pool);
        EncodeJobs jobs(&lane.executor, &Codecs(), &memory);
        std::vector<std::pair<Thinned, std::shared_ptr<ReencodeJob>>> wanted;
        constexpr int kJobs = 150;
        for (int i = 0; i < kJobs; ++i) {
          Thinned batch(&memory, &random, kAllCodecs[random.Below(5)], 1'000);
          const auto job = batch.Job(static_cast<uint32_t>(random.Below(5)));
          jobs.Add(job);
          // Otherwise nobody refers to the job any more.
          if (!random.OneIn(5)) wanted.emplace_back(std::move(batch), job);
          if (random.OneIn(3)) (void)jobs.TakeDone();
        }
        const auto all_done = [&] {
          return std::all_of(wanted.begin(), wanted.end(),
                             [](const auto& each) { return each.second->is_done; });
        };
        while (!all_done()) {
          lane.woken.acquire();
          (void)jobs.TakeDone();
        }
        for (const auto& [batch, job] : wanted) {
          Bytes bytes(job->held.at(0)->data(), job->held[0]->data() + job->held[0]->size());
          const auto records = ReadBatch(bytes);
          bool same = job->status.ok() && records.size() == batch.expected.size();
          for (size_t i = 0; same && i < records.size(); ++i)
            same = records[i].value == batch.expected[i].value;
          if (!same) failures++;
        }
      }
      if (memory.held() != 0) failures++;  // once the lane has ended, nothing is held
    });
  }
  for (std::thread& lane : lanes) lane.join();
  CHECK(failures == 0);
}

TEST_CASE("a slow job leaves the other threads of the pool to other jobs") {
  const auto pool = std::make_shared<EncodePool>(2);
  std::counting_semaphore<> runs{0}, may_end{0};
  WaitingLane slow(pool), fast(pool);
  const auto blocked = std::make_shared<BlockedJob>(&runs, &may_end);
  slow.executor.Submit(blocked);
  runs.acquire();
  MemoryAccount memory(ForwarderSettings{}, nullptr);
  Random random("slow job");
  for (int i = 0; i < 20; ++i) {
    Thinned batch(&memory, &random, Codec::kGzip, 0);
    const auto job = batch.Job(1);
    fast.executor.Submit(job);
    CHECK(fast.Wait().size() == 1);
  }
  CHECK(slow.executor.TakeDone().empty());
  may_end.release();
  CHECK(slow.Wait().size() == 1);
  CHECK(blocked->has_run);
}

TEST_CASE("the end of a lane waits for its job that runs, and drops those that wait") {
  const auto pool = std::make_shared<EncodePool>(1);
  std::counting_semaphore<> runs{0}, may_end{0};
  const auto running = std::make_shared<BlockedJob>(&runs, &may_end);
  const auto waiting = std::make_shared<BlockedJob>(&runs, &may_end);
  auto lane = std::make_unique<WaitingLane>(pool);
  lane->executor.Submit(running);
  lane->executor.Submit(waiting);
  runs.acquire();
  std::atomic<bool> has_ended = false;
  std::thread end([&] {
    lane.reset();
    has_ended = true;
  });
  while (waiting.use_count() > 1) std::this_thread::yield();  // until the lane has dropped it
  CHECK(!has_ended);
  may_end.release();
  end.join();
  CHECK(running->has_run);
  CHECK(!waiting->has_run);
}

TEST_CASE("a job that its partition has dropped is not run") {
  const auto pool = std::make_shared<EncodePool>(1);
  std::counting_semaphore<> runs{0}, may_end{0};
  WaitingLane lane(pool);
  const auto first = std::make_shared<BlockedJob>(&runs, &may_end);
  lane.executor.Submit(first);
  runs.acquire();
  lane.executor.Submit(std::make_shared<BlockedJob>(&runs, &may_end));
  may_end.release();  // for one job only: the second one would never end
  size_t ended = 0;
  while (ended < 2) ended += lane.Wait().size();
  CHECK(!runs.try_acquire());
}

TEST_CASE("the pool of the process ends with its last lane, and another one follows") {
  std::weak_ptr<EncodePool> first;
  {
    const auto pool = EncodePool::OfProcess();
    CHECK(EncodePool::OfProcess() == pool);
    first = pool;
  }
  CHECK(first.expired());
  CHECK(EncodePool::OfProcess() != nullptr);
}

}  // namespace
}  // namespace longhaul::test
