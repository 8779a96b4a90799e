// A Kafka cluster inside this process, for the demo and for fault injection: librdkafka's mock
// brokers, real sockets on 127.0.0.1, records in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "kafka/handles.h"
#include "rdkafka_mock.h"

namespace longhaul {

// Its methods wait for the thread of the mock cluster, which answers within microseconds. Not
// thread-safe.
class MockCluster {
 public:
  static constexpr int32_t kBrokersMax = 64;
  static constexpr int32_t kPartitionsMax = 1024;
  // What a partition keeps. With librdkafka's default, 5 MiB, a demo would lose records before they
  // are mirrored.
  static constexpr size_t kPartitionBytesMax = size_t{1} << 30;

  static Status Open(int32_t brokers, std::unique_ptr<MockCluster>* out);

  std::string bootstrap_servers() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }
  Status CreateTopic(const std::string& name, int32_t partitions, int32_t replication_factor);
  // -1: the partition has no leader.
  Status SetPartitionLeader(const std::string& topic, int32_t partition, int32_t broker);
  // Broker ids begin at 1; -1 means all. A broker that is down refuses connections; partition
  // leaders stay, only the controller moves to the first broker that is up.
  Status SetBrokerDown(int32_t broker);
  Status SetBrokerUp(int32_t broker);
  Status SetBrokerRoundTrip(int32_t broker, int32_t milliseconds);
  Status SetBrokerRack(int32_t broker, const std::string& rack);
  // The brokers no longer offer this kind of request.
  Status HideRequest(int32_t api_key);
  // The next requests of this kind fail with these codes, one code each; 0: no error.
  Status PushRequestErrors(int32_t api_key, const std::vector<int32_t>& codes);

 private:
  using ClusterHandle = Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy>;
  MockCluster(ClientHandle client, ClusterHandle cluster, int32_t brokers);
  void SetUp(int32_t broker, bool up);

  ClientHandle client_;  // a mock cluster belongs to a client, which must outlive it
  ClusterHandle cluster_;
  std::vector<bool> up_;  // by broker id - 1
};

}  // namespace longhaul
