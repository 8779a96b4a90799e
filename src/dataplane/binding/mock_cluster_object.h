// The mock cluster as JavaScript sees it, for the demo and for tests. Its methods are synchronous
// (the mock answers within microseconds) and throw {code, detail}:
//   new MockClusterObject({brokers, topics: [{name, partitions, replicationFactor}]})
//   bootstrapServers() -> string
//   createTopic({name, partitions, replicationFactor})   setPartitionLeader({topic, partition,
//   broker}) setBrokerDown({broker})   setBrokerUp({broker})   setBrokerRoundTrip({broker,
//   milliseconds}) setBrokerRack({broker, rack})   hideRequest({apiKey})
//   pushRequestErrors({apiKey, codes})   close()
#pragma once

#include <node_api.h>

#include <memory>

#include "core/status.h"
#include "kafka/mock_cluster.h"
#include "kafka/value.h"

namespace longhaul {

class MockClusterObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x6c6f6e676861756c, 0x6d6f636b00000001};
  static constexpr const char* kWrongReceiver = "the receiver is not a MockClusterObject";

  // The constructor, to be exported.
  static napi_value Define(napi_env env);

  ~MockClusterObject();
  MockClusterObject(const MockClusterObject&) = delete;
  MockClusterObject& operator=(const MockClusterObject&) = delete;

 private:
  using Action = Status (*)(MockCluster& cluster, ValueReader& arguments);

  MockClusterObject(napi_env env, std::unique_ptr<MockCluster> cluster)
      : env_(env), cluster_(std::move(cluster)) {}
  static napi_value New(napi_env env, napi_callback_info info);
  static napi_value BootstrapServers(napi_env env, napi_callback_info info);
  static napi_value Close(napi_env env, napi_callback_info info);
  template <Action action>
  static napi_value Run(napi_env env, napi_callback_info info);

  // The mock cluster if it is open; otherwise nullptr, with an exception.
  static MockCluster* Unwrap(napi_env env, const struct CallInfo& call);
  void CloseCluster();
  static void OnEnvironmentEnd(void* object);

  napi_env env_;
  bool hooked_ = false;
  std::unique_ptr<MockCluster> cluster_;  // nullptr: closed
};

}  // namespace longhaul
