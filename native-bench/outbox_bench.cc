// The cost of the forwarder itself: it walks over a Fetch response, fills Produce requests from its
// queues and handles acks; everything but the network. With many partitions that are mostly idle,
// the benchmark shows whether the cost of a reply depends on its content or on the number of
// partitions of the lane.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bench.h"
#include "core/forwarder.h"
#include "kafka/codecs.h"
#include "sample_batch.h"

namespace longhaul::bench {
namespace {

constexpr int32_t kNode = 1;

void PutInt(std::vector<uint8_t>* out, int64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out->push_back(static_cast<uint8_t>(value >> shift));
}

void PutText(std::vector<uint8_t>* out, const std::string& text) {
  PutInt(out, static_cast<int64_t>(text.size()), 2);
  out->insert(out->end(), text.begin(), text.end());
}

// Two brokers that answer at once: the source with the next batch of the first `busy` partitions,
// the target with an ack for each batch.
class InstantTransport final : public Transport {
 public:
  InstantTransport(int32_t partitions, int32_t busy, size_t batch_bytes)
      : partitions_(partitions),
        busy_(busy),
        batch_(SampleBatch({.payload_bytes = batch_bytes})),
        offsets_(static_cast<size_t>(partitions), 0),
        session_(static_cast<size_t>(partitions), false),
        target_ends_(static_cast<size_t>(partitions), 0) {}

  BrokerState broker_state(Side, int32_t) override { return BrokerState::kUp; }
  int32_t connection(Side, int32_t) override { return 1; }
  // The last versions without tagged fields, because the parser is not to be measured. A scan of
  // the target does without the requests that these brokers do not support.
  int16_t api_version(Side, int32_t, int16_t api_key, int16_t, int16_t max) override {
    if (api_key == kFetchApi.key) return std::min<int16_t>(max, 11);
    if (api_key == kProduceApi.key) return std::min<int16_t>(max, 8);
    return -1;
  }
  Status RequestMetadata(Side side, const std::vector<std::string>& topics,
                         const std::vector<int32_t>&, uint64_t tag, int32_t* node) override {
    *node = kNode;
    Reply reply{side, tag, 0, 0, nullptr, true, {}};
    for (const std::string& topic : topics) {
      TopicLeaders leaders{topic, 0, {}, {}};
      for (int32_t p = 0; p < partitions_; ++p) leaders.partitions.push_back({p, kNode, 0, 0});
      reply.topics.push_back(std::move(leaders));
    }
    replies.push_back(std::move(reply));
    return Status::Ok();
  }
  Status Send(const Request& request) override {
    Reply reply{request.side, request.tag, 0, request.api_version, nullptr, false, {}};
    std::vector<uint8_t> body =
        request.api_key == kProduceApi.key ? Acks(request) : Fetched(request);
    reply.body = std::make_shared<OwnedBuffer>(std::move(body));
    replies.push_back(std::move(reply));
    return Status::Ok();
  }

  int64_t bytes_moved(Side, const Channel&) override { return 0; }
  int64_t bytes_fetched_by_all() override { return 0; }
  void Disconnect(Side, const Channel&) override {}
  bool OpenChannel(Side, const Channel&) override { return false; }
  void CloseChannel(Side, const Channel&) override {}

  std::vector<Reply> replies;
  bool has_data = false;

 private:
  // In the order of the request, as brokers do. In the one session of the source (KIP-227) a
  // request adds its partitions, and the response has the partitions with news. A scan of the
  // target, at the start, has no session and finds nothing.
  std::vector<uint8_t> Fetched(const Request& request) {
    constexpr size_t kToEpoch = 21;  // replica, two waits, bytes, isolation, session
    constexpr size_t kToCount = 25 + 4 + 2 + 1;  // fixed fields, topic count, "t"
    constexpr size_t kEach = 28;
    const uint8_t* body = request.pieces.front().data;
    const bool in_session = LoadI32(body + kToEpoch) >= 0;
    std::vector<int32_t> answered;
    if (LoadI32(body + 25) > 0) {  // a request of a session may name no topic
      const int32_t count = LoadI32(body + kToCount);
      for (int32_t i = 0; i < count; ++i)
        answered.push_back(LoadI32(body + kToCount + 4 + static_cast<size_t>(i) * kEach));
    }
    if (in_session) {
      for (const int32_t partition : answered) session_[static_cast<size_t>(partition)] = true;
      answered.clear();
      for (int32_t p = 0; has_data && p < busy_; ++p)
        if (session_[static_cast<size_t>(p)]) answered.push_back(p);
    }
    std::vector<uint8_t> out;
    PutInt(&out, 0, 4), PutInt(&out, 0, 2), PutInt(&out, in_session ? 7 : 0, 4);
    PutInt(&out, answered.empty() ? 0 : 1, 4);
    if (answered.empty()) return out;
    PutText(&out, "t");
    PutInt(&out, static_cast<int64_t>(answered.size()), 4);
    for (const int32_t partition : answered) PutPartition(&out, partition, in_session && has_data);
    return out;
  }
  void PutPartition(std::vector<uint8_t>* out, int32_t partition, bool with_batch) {
    PutInt(out, partition, 4), PutInt(out, 0, 2);
    const int32_t records = RecordBatchView(batch_.data()).record_count();
    int64_t& offset = offsets_[static_cast<size_t>(partition)];
    const int64_t end = offset + (with_batch ? records : 0);
    PutInt(out, end, 8), PutInt(out, end, 8), PutInt(out, 0, 8), PutInt(out, -1, 4);
    PutInt(out, -1, 4);
    PutInt(out, with_batch ? static_cast<int64_t>(batch_.size()) : 0, 4);
    if (!with_batch) return;
    StoreI64(batch_.data(), std::exchange(offset, end));
    out->insert(out->end(), batch_.begin(), batch_.end());
  }
  // Pieces alternate: what stands before a batch ends with its partition and size.
  std::vector<uint8_t> Acks(const Request& request) {
    std::vector<uint8_t> out;
    PutInt(&out, 1, 4);
    PutText(&out, "t");
    PutInt(&out, static_cast<int64_t>(request.pieces.size() / 2), 4);
    for (size_t i = 0; i + 1 < request.pieces.size(); i += 2) {
      const Piece& head = request.pieces[i];
      const int32_t partition = LoadI32(head.data + head.size - 8);
      int64_t& end = target_ends_[static_cast<size_t>(partition)];
      PutInt(&out, partition, 4), PutInt(&out, 0, 2);
      PutInt(&out, end, 8), PutInt(&out, -1, 8), PutInt(&out, 0, 8);
      end += RecordBatchView(batch_.data()).record_count();
      PutInt(&out, 0, 4), PutInt(&out, -1, 2);
    }
    PutInt(&out, 0, 4);
    return out;
  }

  int32_t partitions_;
  int32_t busy_;
  std::vector<uint8_t> batch_;
  std::vector<int64_t> offsets_;
  std::vector<bool> session_;
  std::vector<int64_t> target_ends_;
};

struct Lap {
  InstantTransport transport;
  KafkaCodecs codecs;
  EventQueue events;
  Forwarder forwarder;
  int64_t now = 1'000;

  Lap(int32_t partitions, int32_t busy, size_t batch_bytes)
      : transport(partitions, busy, batch_bytes),
        forwarder({ForwarderSettings{}, 1, 0}, &transport, &codecs, &events) {
    std::vector<PartitionAssignment> all;
    for (int32_t p = 0; p < partitions; ++p)
      all.push_back({static_cast<uint32_t>(p), "t", "t", p, {}, 0});
    forwarder.Assign(std::move(all));
    for (int turn = 0; turn < 4 + partitions / 50; ++turn) Turn();
    transport.has_data = true;
  }
  // One turn of the loop: handles all replies that have arrived, then ticks.
  void Turn() {
    now += 1;
    for (const Reply& reply : std::exchange(transport.replies, {}))
      forwarder.OnReply(reply, now, now);
    forwarder.Tick(now, now);
    (void)events.Take();
  }
  uint64_t Acked() {
    uint64_t batches = 0;
    for (const PartitionCounters& row : forwarder.SnapshotPartitions(true))
      batches += static_cast<uint64_t>(row.batches);
    return batches;
  }
};

void OutboxCase(Run& run, int32_t partitions, int32_t busy, size_t batch_bytes) {
  Lap lap(partitions, busy, batch_bytes);
  const int turns = run.is_timed() ? 100 : 4;
  double batches = 0;
  const double nanoseconds = run.Measure([&] {
    const uint64_t before = lap.Acked();
    for (int turn = 0; turn < turns; ++turn) lap.Turn();
    const uint64_t after = lap.Acked();
    batches = static_cast<double>(after - before);
    return after - before;
  });
  if (batches == 0) std::abort();  // the forwarder does not forward: the figure means nothing
  const std::string label = std::to_string(partitions) + " partitions, " + std::to_string(busy) +
                            " busy, " + std::to_string(batch_bytes) + " B";
  run.Report(
      "forward, " + label, nanoseconds / batches, "ns/batch",
      (std::to_string(static_cast<int64_t>(batches / nanoseconds * 1e9)) + " batches/s").c_str());
}

// A tick when there is nothing to do, and the reply of one Produce request: neither may cost more
// because the lane holds more partitions.
void IdleCase(Run& run, int32_t partitions) {
  Lap lap(partitions, 0, 100);
  const double tick = run.Measure([&] { return lap.forwarder.Tick(lap.now, lap.now); });
  run.Report("tick, " + std::to_string(partitions) + " idle partitions", tick, "ns");
}

// One metadata response for each side, with the partitions of one topic.
void MetadataCase(Run& run, int32_t partitions) {
  Lap lap(partitions, 0, 100);
  const double round = run.Measure([&] {
    lap.now += ForwarderSettings{}.metadata_max_age_ms;
    lap.Turn();
    lap.Turn();
    return lap.transport.replies.size();
  });
  run.Report("metadata, " + std::to_string(partitions) + " partitions", round, "ns");
}

}  // namespace

void OutboxBench(Run& run) {
  OutboxCase(run, 10, 10, 1'000);
  OutboxCase(run, 1'000, 1'000, 1'000);
  OutboxCase(run, 1'000, 1'000, 16'000);
  OutboxCase(run, run.smoke() ? 1'000 : 10'000, 20, 16'000);
  for (const int32_t partitions : {100, 10'000}) IdleCase(run, partitions);
  for (const int32_t partitions : {100, 10'000}) MetadataCase(run, partitions);
}

}  // namespace longhaul::bench
