#include "kafka/mock_cluster.h"

#include <algorithm>
#include <utility>

#include "contract/contract.generated.h"
#include "kafka/client_config.h"
#include "kafka/kafka_status.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

Status MockStatus(rd_kafka_resp_err_t code, const std::string& what) {
  return StatusOf(code, "mock cluster: " + what);
}

Status Refused(std::string detail) {
  return Status::Error(kErrorInvalidArgument, "mock cluster: " + std::move(detail));
}

}  // namespace

Status MockCluster::Open(int32_t brokers, std::unique_ptr<MockCluster>* out) {
  if (brokers < 1 || brokers > kBrokersMax) {
    return Refused("brokers must be 1 to " + std::to_string(kBrokersMax));
  }
  rd_kafka_conf_t* built = nullptr;
  if (Status status = BuildClientConfig({{"client.id", "mock"}}, &built); !status.ok()) {
    return status;
  }
  ClientHandle client;
  Status status = OpenClient(RD_KAFKA_PRODUCER, ConfHandle(built), &client);
  if (!status.ok()) return status;
  ClusterHandle cluster(rd_kafka_mock_cluster_new(client.get(), brokers));
  if (cluster == nullptr) return Refused("no port to listen on");
  out->reset(new MockCluster(std::move(client), std::move(cluster), brokers));
  return Status::Ok();
}

MockCluster::MockCluster(ClientHandle client, ClusterHandle cluster, int32_t brokers)
    : client_(std::move(client)),
      cluster_(std::move(cluster)),
      up_(static_cast<size_t>(brokers), true) {
  SetUp(-1, true);
  // As in brokers of tests: by default the first member of each group waits for 3 s.
  rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_.get(), 0);
}

void MockCluster::SetUp(int32_t broker, bool up) {
  for (size_t i = 0; i < up_.size(); i++) {
    if (broker == -1 || static_cast<int32_t>(i) + 1 == broker) up_[i] = up;
  }
  auto first = std::find(up_.begin(), up_.end(), true);
  if (first == up_.end()) return;
  longhaul_mock_controller(cluster_.get(), static_cast<int32_t>(first - up_.begin()) + 1);
}

Status MockCluster::CreateTopic(const std::string& name, int32_t partitions,
                                int32_t replication_factor) {
  if (partitions < 1 || partitions > kPartitionsMax) {
    return Refused("partitions must be 1 to " + std::to_string(kPartitionsMax));
  }
  if (replication_factor < 1 || replication_factor > kBrokersMax) {
    return Refused("replicationFactor must be 1 to " + std::to_string(kBrokersMax));
  }
  rd_kafka_resp_err_t code =
      rd_kafka_mock_topic_create(cluster_.get(), name.c_str(), partitions, replication_factor);
  if (code != 0) return MockStatus(code, "topic " + name);
  longhaul_mock_partition_bytes_max(cluster_.get(), name.c_str(), partitions, kPartitionBytesMax);
  return Status::Ok();
}

Status MockCluster::SetPartitionLeader(const std::string& topic, int32_t partition,
                                       int32_t broker) {
  return MockStatus(
      rd_kafka_mock_partition_set_leader(cluster_.get(), topic.c_str(), partition, broker),
      "leader of " + topic + "-" + std::to_string(partition));
}

Status MockCluster::SetBrokerDown(int32_t broker) {
  SetUp(broker, false);
  return MockStatus(rd_kafka_mock_broker_set_down(cluster_.get(), broker), "broker down");
}

Status MockCluster::SetBrokerUp(int32_t broker) {
  SetUp(broker, true);
  return MockStatus(rd_kafka_mock_broker_set_up(cluster_.get(), broker), "broker up");
}

Status MockCluster::SetBrokerRoundTrip(int32_t broker, int32_t milliseconds) {
  if (milliseconds < 0 || milliseconds > 60'000) return Refused("round trip must be 0 to 60000 ms");
  return MockStatus(rd_kafka_mock_broker_set_rtt(cluster_.get(), broker, milliseconds),
                    "round trip");
}

Status MockCluster::SetBrokerRack(int32_t broker, const std::string& rack) {
  return MockStatus(rd_kafka_mock_broker_set_rack(cluster_.get(), broker, rack.c_str()), "rack");
}

Status MockCluster::HideRequest(int32_t api_key) {
  if (api_key < 0 || api_key > INT16_MAX) return Refused("apiKey is out of range");
  return MockStatus(
      rd_kafka_mock_set_apiversion(cluster_.get(), static_cast<int16_t>(api_key), -1, -1),
      "hideRequest");
}

Status MockCluster::PushRequestErrors(int32_t api_key, const std::vector<int32_t>& codes) {
  if (api_key < 0 || api_key > INT16_MAX) return Refused("apiKey must be 0 to 32767");
  std::vector<rd_kafka_resp_err_t> errors;
  errors.reserve(codes.size());
  for (int32_t code : codes) errors.push_back(static_cast<rd_kafka_resp_err_t>(code));
  rd_kafka_mock_push_request_errors_array(cluster_.get(), static_cast<int16_t>(api_key),
                                          errors.size(), errors.data());
  return Status::Ok();
}

}  // namespace longhaul
