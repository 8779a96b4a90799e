// The bytes of requests: every version compared with the independent writer and reader of the
// simulated cluster, and parsers with truncated, mutated and random bytes.

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "batch_fixture.h"
#include "contract/contract.generated.h"
#include "core/protocol/describe_quorum.h"
#include "core/protocol/groups.h"
#include "core/protocol/wire.h"
#include "simulated_cluster.h"

namespace longhaul::test {
namespace {

constexpr const char* kTopics[] = {"alpha", "beta"};

Bytes Flatten(const EncodedRequest& request) {
  Bytes all;
  for (const Piece& piece : request.pieces)
    all.insert(all.end(), piece.data, piece.data + piece.size);
  if (request.is_flexible) all.push_back(0);  // the closing tags, which librdkafka adds
  return all;
}

Bytes BatchAt(int64_t offset, Codec codec = Codec::kLz4) {
  Bytes batch = BuildBatch({{.offset = offset, .timestamp = 7, .key = "k", .value = "v"}},
                           {.codec = codec});
  StoreI32(&batch[kLeaderEpochOffset], 0);  // as the simulated log does
  return batch;
}

struct TwoTopics {
  int64_t now = 1000;
  SimulatedCluster cluster{1, &now};
  TwoTopics() {
    for (const char* topic : kTopics) {
      cluster.AddTopic(topic, 2);
      for (int32_t partition = 0; partition < 2; ++partition) {
        SimulatedLog& log = cluster.log({topic, partition});
        log.Store(BatchAt(0));
        log.OpenTransaction(100);
        log.Store(BatchAt(1));
        log.EndTransaction(100, false);
      }
    }
  }
  TopicId IdOf(const std::string& topic) { return cluster.Metadata({topic}).front().topic_id; }
  // As a Fetch response names a topic.
  std::string NameIn(int16_t version, const std::string& topic) {
    if (version <= kFetchByNameMax) return topic;
    const TopicId id = IdOf(topic);
    return {id.begin(), id.end()};
  }
  Bytes Fetch(int16_t version, int64_t offset = 0, int32_t last_epoch = -1) {
    FetchRequest request{500, 1, 1 << 20, 1, {}};
    for (const char* topic : kTopics)
      for (int32_t partition = 0; partition < 2; ++partition)
        request.partitions.push_back(
            {topic, IdOf(topic), partition, -1, offset, last_epoch, 1 << 20});
    EncodedRequest encoded;
    EncodeFetch(request, version, &encoded);
    const auto opened = cluster.OpenFetch(0, version, Flatten(encoded));
    bool is_empty = false;
    Bytes answer = cluster.AnswerFetch(opened, true, &is_empty);
    CHECK(opened.wait_ms == 500);
    CHECK_FALSE(is_empty);
    return answer;
  }
  // A batch that is appended, one that is refused, one for a broker that does not lead.
  Bytes Produce(int16_t version) {
    const Bytes good = BatchAt(0);
    Bytes bad = good;
    bad[kMagicOffset] = 1;
    cluster.log({"beta", 1}).leader = 5;
    EncodedRequest encoded;
    EncodeProduce({{"alpha", 0, good.data(), good.size(), IdOf("alpha")},
                   {"alpha", 1, bad.data(), bad.size(), IdOf("alpha")},
                   {"beta", 1, good.data(), good.size(), IdOf("beta")}},
                  version, 1000, &encoded);
    Bytes answer = cluster.Produce(0, version, Flatten(encoded));
    cluster.log({"beta", 1}).leader = 0;
    cluster.protocol_violations.clear();  // of the batch that is refused
    return answer;
  }
  Bytes ListEnds() {
    EncodedRequest encoded;
    EncodeListEnds({{"beta", 1}, {"gamma", 0}}, &encoded);
    return cluster.ListOffsets(0, Flatten(encoded));
  }
  static constexpr int64_t kProducerId = 77;
  // Two producers are known in alpha-0, none in alpha-1, and there is no gamma.
  Bytes Describe() {
    for (const int64_t id : {kProducerId, kProducerId + 1}) {
      Bytes batch = BuildBatch({{.offset = 0, .timestamp = 1, .key = "k"}}, {});
      StoreI64(&batch[kProducerIdOffset], id);
      StoreI32(&batch[kBaseSequenceOffset], id == kProducerId ? 41 : 7);
      SealCrc(batch);
      CHECK(cluster.log({"alpha", 0}).Produce(batch).error == 0);
    }
    EncodedRequest encoded;
    EncodeDescribeProducers({{"alpha", 0}, {"alpha", 1}, {"gamma", 0}}, &encoded);
    Bytes answer = cluster.DescribeProducers(0, Flatten(encoded));
    CHECK(cluster.protocol_violations.empty());
    return answer;
  }
};

TEST_CASE("Fetch v4 to v16 have the form of Kafka's schemas") {
  for (int16_t version = kFetchApi.min; version <= kFetchApi.max; ++version) {
    CAPTURE(version);
    TwoTopics two;
    two.cluster.broker(0).throttle_ms = 40;
    Bytes answer = two.Fetch(version);
    FetchResponse response;
    REQUIRE(ParseFetch(answer.data(), answer.size(), version, &response).ok());
    CHECK(two.cluster.protocol_violations.empty());
    CHECK(response.throttle_ms == 40);
    REQUIRE(response.partitions.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
      const FetchedPartition& p = response.partitions[i];
      CHECK(p.topic == two.NameIn(version, kTopics[i / 2]));
      CHECK(p.partition == static_cast<int32_t>(i % 2));
      CHECK(p.error == 0);
      CHECK(p.high_watermark == 3);
      CHECK(p.last_stable_offset == 3);
      CHECK(p.log_start_offset == (version >= 5 ? 0 : -1));
      REQUIRE(p.aborted.size() == 1);
      CHECK(p.aborted[0].producer_id == 100);
      CHECK(p.aborted[0].first_offset == 1);
      CHECK(p.diverging_end == -1);
      CHECK(std::memcmp(p.records, BatchAt(0).data(), BatchAt(0).size()) == 0);
    }
  }
}

TEST_CASE("Fetch v12 returns where the log differs from the one that was read") {
  TwoTopics two;
  for (auto& [key, log] : two.cluster.logs()) {
    const SimulatedLog replica = log;
    log.Elect(0);
    log.Store(BatchAt(3));
    if (key.first == "alpha") continue;
    log.ElectUnclean(replica);
    log.Store(BatchAt(3));  // as long as before
  }
  Bytes answer = two.Fetch(kFetchApi.max, 4, 1);
  FetchResponse response;
  REQUIRE(ParseFetch(answer.data(), answer.size(), kFetchApi.max, &response).ok());
  REQUIRE(response.partitions.size() == 4);
  for (const FetchedPartition& p : response.partitions) {
    CHECK(p.error == 0);
    const bool is_other = p.topic == two.NameIn(kFetchApi.max, "beta");
    CHECK(p.diverging_epoch == (is_other ? 0 : -1));
    CHECK(p.diverging_end == (is_other ? 3 : -1));
    CHECK(p.records_size == 0);
  }
}

TEST_CASE("Produce v3 to v13 have the form of Kafka's schemas") {
  for (int16_t version = kProduceApi.min; version <= kProduceApi.max; ++version) {
    CAPTURE(version);
    TwoTopics two;
    Bytes good = BatchAt(0);
    Bytes bad = good;
    bad[kMagicOffset] = 1;
    EncodedRequest encoded;
    EncodeProduce({{"alpha", 0, good.data(), good.size(), two.IdOf("alpha")},
                   {"alpha", 1, bad.data(), bad.size(), two.IdOf("alpha")},
                   {"beta", 1, good.data(), good.size(), two.IdOf("beta")}},
                  version, 1000, &encoded);
    // Payloads are passed by reference: fetched bytes are not copied.
    size_t by_reference = 0;
    for (const Piece& piece : encoded.pieces) by_reference += piece.by_reference ? 1 : 0;
    CHECK(by_reference == 3);
    Bytes answer = two.cluster.Produce(0, version, Flatten(encoded));
    ProduceResponse response;
    REQUIRE(ParseProduce(answer.data(), answer.size(), version, &response).ok());
    REQUIRE(response.partitions.size() == 3);
    CHECK(response.partitions[0].base_offset == 3);
    CHECK(response.partitions[1].error == kInvalidRecord);
    CHECK(response.partitions[1].error_text == (version >= 8 ? "invalid" : ""));
    CHECK(response.partitions[1].refused_record == -1);
    CHECK(response.partitions[2].topic == two.NameIn(version, "beta"));
    CHECK(response.partitions[2].error == 0);
  }
}

TEST_CASE("a broker that does not lead names the leader in Fetch v16 and Produce v10") {
  int64_t now = 1000;
  SimulatedCluster cluster(2, &now);
  cluster.AddTopic("alpha", 2);  // broker 1 leads partition 1
  cluster.MoveLeader({"alpha", 0});
  for (const bool names : {false, true}) {
    const auto fetch_version = static_cast<int16_t>(names ? 16 : 15);
    FetchRequest request{500, 1, 1 << 20, 1, {}};
    request.partitions.push_back(
        {"alpha", cluster.Metadata({"alpha"}).front().topic_id, 0, -1, 0, -1, 1 << 20});
    EncodedRequest fetch, produce;
    EncodeFetch(request, fetch_version, &fetch);
    bool is_empty = false;
    Bytes answer = cluster.AnswerFetch(cluster.OpenFetch(0, fetch_version, Flatten(fetch)), true,
                                       &is_empty);
    FetchResponse fetched;
    REQUIRE(ParseFetch(answer.data(), answer.size(), fetch_version, &fetched).ok());
    CHECK(fetched.partitions.at(0).error == 6);
    CHECK(fetched.partitions.at(0).leader.node == (names ? 1 : -1));
    CHECK(fetched.partitions.at(0).leader.epoch == (names ? 1 : -1));

    const auto produce_version = static_cast<int16_t>(names ? 10 : 9);
    const Bytes batch = BatchAt(0);
    EncodeProduce({{"alpha", 0, batch.data(), batch.size()}}, produce_version, 1000, &produce);
    answer = cluster.Produce(0, produce_version, Flatten(produce));
    ProduceResponse produced;
    REQUIRE(ParseProduce(answer.data(), answer.size(), produce_version, &produced).ok());
    CHECK(produced.partitions.at(0).error == 6);
    CHECK(produced.partitions.at(0).leader.node == (names ? 1 : -1));
    CHECK(produced.partitions.at(0).leader.epoch == (names ? 1 : -1));
  }
  CHECK(cluster.protocol_violations.empty());
}

TEST_CASE("ListOffsets returns the end of the log even if a reader sees less") {
  TwoTopics two;
  two.cluster.log({"beta", 1}).high_watermark_max = 1;
  const Bytes answer = two.ListEnds();
  std::vector<ListedEnd> ends;
  REQUIRE(ParseListEnds(answer.data(), answer.size(), &ends).ok());
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].topic == "beta");
  CHECK(ends[0].offset == two.cluster.log({"beta", 1}).end());
  CHECK(ends[1].error == 3);
}

TEST_CASE("DescribeProducers returns the last sequence of the requested producer") {
  TwoTopics two;
  const Bytes answer = two.Describe();
  std::vector<DescribedProducer> producers;
  REQUIRE(ParseDescribeProducers(answer.data(), answer.size(), TwoTopics::kProducerId, &producers)
              .ok());
  REQUIRE(producers.size() == 3);
  CHECK(producers[0].topic == "alpha");
  CHECK(producers[0].last_sequence == 41);
  CHECK(producers[1].partition == 1);
  CHECK(producers[1].last_sequence == -1);
  CHECK(producers[2].topic == "gamma");
  CHECK(producers[2].error == 3);
}

// As in Kafka's schemas: two voters, of which the second leads.
std::string QuorumAnswer() {
  std::string bytes;
  Writer w(&bytes, true);
  w.Int16(0);
  w.ArrayLength(1);
  w.String("__cluster_metadata");
  w.ArrayLength(1);
  w.Int32(0);
  w.Int16(0);
  w.Int32(3001);  // leader
  w.Int32(7);
  w.Int64(100);
  for (const std::vector<int32_t>& replicas : {std::vector<int32_t>{3000, 3001}, {1}}) {
    w.ArrayLength(replicas.size());
    for (const int32_t node : replicas) {
      w.Int32(node);
      w.Int64(100);
      w.Int64(1'700'000'000'000 + node);
      w.Int64(1);
      w.NoTags();
    }
  }
  w.NoTags();
  w.NoTags();
  w.NoTags();
  return bytes;
}

TEST_CASE("DescribeQuorum returns the clock of the leader, and no answer cut short is accepted") {
  const std::string answer = QuorumAnswer();
  const auto* data = reinterpret_cast<const uint8_t*>(answer.data());
  QuorumLeader leader;
  REQUIRE(ParseDescribeQuorum(data, answer.size(), &leader).ok());
  CHECK(leader.error == 0);
  CHECK(leader.node == 3001);
  CHECK(leader.fetched_ms == 1'700'000'003'001);
  for (size_t size = 0; size < answer.size(); size++) {
    CAPTURE(size);
    QuorumLeader cut;
    CHECK(ParseDescribeQuorum(data, size, &cut).code == kErrorResponseMalformed);
  }
}

// As in Kafka's schemas: a group of two partitions, one without a committed offset.
std::string OffsetFetchAnswer(int16_t version) {
  std::string bytes;
  Writer w(&bytes, true);
  w.Int32(0);  // throttle time
  if (version >= 8) {
    w.ArrayLength(1);
    w.String("billing");
  }
  w.ArrayLength(1);
  w.String("orders");
  w.ArrayLength(2);
  for (const int64_t offset : {int64_t{42}, int64_t{-1}}) {
    w.Int32(offset < 0 ? 1 : 0);
    w.Int64(offset);
    w.Int32(7);  // leader epoch
    w.String("m");
    w.Int16(0);
    w.NoTags();
  }
  w.NoTags();
  w.Int16(0);
  if (version >= 8) w.NoTags();
  w.NoTags();
  return bytes;
}

std::string FindCoordinatorAnswer(int16_t version) {
  std::string bytes;
  Writer w(&bytes, true);
  w.Int32(0);  // throttle time
  if (version >= 4) {
    w.ArrayLength(1);
    w.String("billing");
    w.Int32(3);
    w.String("host");
    w.Int32(9092);
    w.Int16(0);
    w.NullString();
    w.NoTags();
  } else {
    w.Int16(0);
    w.NullString();
    w.Int32(3);
    w.String("host");
    w.Int32(9092);
  }
  w.NoTags();
  return bytes;
}

TEST_CASE("answers about consumer groups are read in both forms, and refused if truncated") {
  for (const int16_t version : {int16_t{7}, int16_t{8}}) {
    CAPTURE(version);
    const std::string answer = OffsetFetchAnswer(version);
    const auto* data = reinterpret_cast<const uint8_t*>(answer.data());
    std::vector<GroupOffsets> groups;
    REQUIRE(ParseOffsetFetch(data, answer.size(), version, &groups).ok());
    REQUIRE(groups.size() == 1);
    CHECK(groups[0].group == (version >= 8 ? "billing" : ""));
    REQUIRE(groups[0].offsets.size() == 1);
    CHECK(groups[0].offsets[0].topic == "orders");
    CHECK(groups[0].offsets[0].offset == 42);
    CHECK(groups[0].offsets[0].metadata == "m");
    for (size_t size = 0; size < answer.size(); ++size) {
      std::vector<GroupOffsets> cut;
      CHECK(ParseOffsetFetch(data, size, version, &cut).code == kErrorResponseMalformed);
    }
  }
  for (const int16_t version : {int16_t{3}, int16_t{4}}) {
    CAPTURE(version);
    const std::string answer = FindCoordinatorAnswer(version);
    const auto* data = reinterpret_cast<const uint8_t*>(answer.data());
    std::vector<Coordinator> found;
    REQUIRE(ParseFindCoordinator(data, answer.size(), version, &found).ok());
    REQUIRE(found.size() == 1);
    CHECK(found[0].node == 3);
    CHECK(found[0].error == 0);
    for (size_t size = 0; size < answer.size(); ++size) {
      std::vector<Coordinator> cut;
      CHECK(ParseFindCoordinator(data, size, version, &cut).code == kErrorResponseMalformed);
    }
  }
}

TEST_CASE("a response that ends early is malformed, wherever it ends") {
  TwoTopics two;
  const Bytes listed = two.ListEnds();
  for (size_t size = 0; size < listed.size(); ++size) {
    std::vector<ListedEnd> ends;
    CHECK(ParseListEnds(listed.data(), size, &ends).code == kErrorResponseMalformed);
  }
  for (const int16_t version : {int16_t{8}, kProduceApi.max}) {
    const Bytes produced = two.Produce(version);
    for (size_t size = 0; size < produced.size(); ++size) {
      ProduceResponse response;
      CHECK(ParseProduce(produced.data(), size, version, &response).code ==
            kErrorResponseMalformed);
    }
  }
  const Bytes described = two.Describe();
  for (size_t size = 0; size < described.size(); ++size) {
    std::vector<DescribedProducer> producers;
    CHECK(ParseDescribeProducers(described.data(), size, TwoTopics::kProducerId, &producers).code ==
          kErrorResponseMalformed);
  }
  for (int16_t version : {kFetchApi.min, kFetchApi.max}) {
    const Bytes answer = two.Fetch(version);
    for (size_t size = 0; size < answer.size(); ++size) {
      Bytes cut(answer.begin(), answer.begin() + static_cast<ptrdiff_t>(size));
      FetchResponse response;
      CHECK(ParseFetch(cut.data(), cut.size(), version, &response).code == kErrorResponseMalformed);
    }
  }
}

TEST_CASE("with mutated and random responses no parser leaves its bytes or uses much memory") {
  Random random("fuzz protocol");
  TwoTopics two;
  two.cluster.log({"beta", 1}).ElectUnclean({});  // its answers carry a tag
  for (int round = 0; round < 60'000; ++round) {
    const auto fetch_version = static_cast<int16_t>(4 + random.Below(13));
    static std::map<int16_t, Bytes> seeds;
    if (!seeds.contains(fetch_version)) seeds[fetch_version] = two.Fetch(fetch_version, 1, 0);
    static const Bytes described = two.Describe(), listed = two.ListEnds();
    static const Bytes produced[] = {two.Produce(8), two.Produce(kProduceApi.max)};
    const size_t is_flexible = random.Below(2);
    Bytes bytes = random.OneIn(5)   ? random.Bytes(random.Length(300))
                  : random.OneIn(5) ? produced[is_flexible]
                  : random.OneIn(5) ? described
                  : random.OneIn(9) ? listed
                                    : seeds[fetch_version];
    for (uint64_t hits = random.Below(4); hits > 0 && !bytes.empty(); --hits) {
      const size_t at =
          random.Below(random.OneIn(2) ? std::min<size_t>(60, bytes.size()) : bytes.size());
      if (random.OneIn(3) && at + 4 <= bytes.size()) {
        constexpr uint32_t kNumbers[] = {0, 1, 0x7fffffff, 0xffffffff, 0x80000000, 0x00ffffff};
        StoreU32(&bytes[at], kNumbers[random.Below(std::size(kNumbers))]);
      } else {
        bytes[at] = static_cast<uint8_t>(random.Next());
      }
    }
    if (random.OneIn(4)) bytes.resize(random.Below(bytes.size() + 1));
    // In an allocation of the exact size, so that a read beyond it is detected.
    std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    FetchResponse fetch;
    if (ParseFetch(exact.get(), bytes.size(), fetch_version, &fetch).ok()) {
      for (const FetchedPartition& p : fetch.partitions) {
        REQUIRE(p.records >= exact.get());
        REQUIRE(p.records + p.records_size <= exact.get() + bytes.size());
      }
    }
    REQUIRE(fetch.partitions.size() <= bytes.size() / 30 + 1);
    ProduceResponse produce;
    const auto produce_version =
        static_cast<int16_t>(random.OneIn(4) ? 3 + random.Below(8) : 8 + 2 * is_flexible);
    (void)ParseProduce(exact.get(), bytes.size(), produce_version, &produce);
    REQUIRE(produce.partitions.size() <= bytes.size() / 22 + 1);
    std::vector<DescribedProducer> producers;
    (void)ParseDescribeProducers(exact.get(), bytes.size(), TwoTopics::kProducerId, &producers);
    QuorumLeader leader;
    (void)ParseDescribeQuorum(exact.get(), bytes.size(), &leader);
    REQUIRE(producers.size() <= bytes.size() / 9 + 1);
    std::vector<ListedEnd> ends;
    (void)ParseListEnds(exact.get(), bytes.size(), &ends);
    REQUIRE(ends.size() <= bytes.size() / 22 + 1);
  }
}

}  // namespace
}  // namespace longhaul::test
