#include "binding/mock_cluster_object.h"

#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "contract/contract.generated.h"

namespace longhaul {
namespace {

Status CreateTopic(MockCluster& cluster, ValueReader& arguments) {
  std::string name = arguments.String("name");
  int32_t partitions = arguments.Int32("partitions");
  int32_t replication_factor = arguments.Int32("replicationFactor");
  if (!arguments.error().empty()) return Status::Ok();
  return cluster.CreateTopic(name, partitions, replication_factor);
}

Status SetPartitionLeader(MockCluster& cluster, ValueReader& arguments) {
  std::string topic = arguments.String("topic");
  int32_t partition = arguments.Int32("partition");
  int32_t broker = arguments.Int32("broker");
  if (!arguments.error().empty()) return Status::Ok();
  return cluster.SetPartitionLeader(topic, partition, broker);
}

Status SetBrokerDown(MockCluster& cluster, ValueReader& arguments) {
  int32_t broker = arguments.Int32("broker");
  return arguments.error().empty() ? cluster.SetBrokerDown(broker) : Status::Ok();
}

Status SetBrokerUp(MockCluster& cluster, ValueReader& arguments) {
  int32_t broker = arguments.Int32("broker");
  return arguments.error().empty() ? cluster.SetBrokerUp(broker) : Status::Ok();
}

Status SetBrokerRoundTrip(MockCluster& cluster, ValueReader& arguments) {
  int32_t broker = arguments.Int32("broker");
  int32_t milliseconds = arguments.Int32("milliseconds");
  if (!arguments.error().empty()) return Status::Ok();
  return cluster.SetBrokerRoundTrip(broker, milliseconds);
}

Status SetBrokerRack(MockCluster& cluster, ValueReader& arguments) {
  int32_t broker = arguments.Int32("broker");
  std::string rack = arguments.String("rack");
  return arguments.error().empty() ? cluster.SetBrokerRack(broker, rack) : Status::Ok();
}

Status PushRequestErrors(MockCluster& cluster, ValueReader& arguments) {
  int32_t api_key = arguments.Int32("apiKey");
  std::vector<int32_t> codes;
  for (const Value& code : arguments.Array("codes")) {
    if (code.AsInt32() == nullptr) {
      return Status::Error(kErrorInvalidArgument, "codes must be numbers");
    }
    codes.push_back(*code.AsInt32());
  }
  return arguments.error().empty() ? cluster.PushRequestErrors(api_key, codes) : Status::Ok();
}

Status HideRequest(MockCluster& cluster, ValueReader& arguments) {
  int32_t api_key = arguments.Int32("apiKey");
  return arguments.error().empty() ? cluster.HideRequest(api_key) : Status::Ok();
}

// An error of the reader comes first: the action has had no effect then.
Status Checked(Status status, const ValueReader& arguments) {
  if (arguments.error().empty()) return status;
  return Status::Error(kErrorInvalidArgument, "mock cluster: " + arguments.error());
}

Status OpenWithTopics(const Value& settings, std::unique_ptr<MockCluster>* out) {
  ValueReader reader(settings);
  int32_t brokers = reader.Int32("brokers");
  const Value::Array& topics = reader.Array("topics");
  if (Status status = Checked(Status::Ok(), reader); !status.ok()) return status;
  if (Status status = MockCluster::Open(brokers, out); !status.ok()) return status;
  for (const Value& topic : topics) {
    ValueReader item(topic);
    Status status = CreateTopic(**out, item);
    if (status = Checked(std::move(status), item); !status.ok()) return status;
  }
  return Status::Ok();
}

napi_value Undefined(napi_env env) {
  napi_value undefined = nullptr;
  (void)napi_get_undefined(env, &undefined);
  return undefined;
}

}  // namespace

napi_value MockClusterObject::Define(napi_env env) {
  static constexpr Method kMethods[] = {
      {"bootstrapServers", BootstrapServers},
      {"createTopic", Run<CreateTopic>},
      {"setPartitionLeader", Run<SetPartitionLeader>},
      {"setBrokerDown", Run<SetBrokerDown>},
      {"setBrokerUp", Run<SetBrokerUp>},
      {"setBrokerRoundTrip", Run<SetBrokerRoundTrip>},
      {"setBrokerRack", Run<SetBrokerRack>},
      {"hideRequest", Run<HideRequest>},
      {"pushRequestErrors", Run<PushRequestErrors>},
      {"close", Close},
  };
  return DefineClass(env, "MockClusterObject", New, kMethods);
}

MockClusterObject::~MockClusterObject() { CloseCluster(); }

napi_value MockClusterObject::New(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  if (!call.is_new) {
    (void)napi_throw_type_error(env, nullptr, "MockClusterObject is a class: use new");
    return nullptr;
  }
  Value settings;
  std::unique_ptr<MockCluster> cluster;
  Status status = ToValue(env, call.arguments[0], &settings);
  if (status.ok()) status = OpenWithTopics(settings, &cluster);
  if (!status.ok()) {
    ThrowStatus(env, status);
    return nullptr;
  }
  std::unique_ptr<MockClusterObject> object(new MockClusterObject(env, std::move(cluster)));
  object->hooked_ = napi_add_env_cleanup_hook(env, OnEnvironmentEnd, object.get()) == napi_ok;
  auto finalize = [](napi_env, void* native, void*) {
    delete static_cast<MockClusterObject*>(native);
  };
  if (!object->hooked_ || !WrapTagged(env, call.receiver, object.get(), finalize, nullptr)) {
    return nullptr;
  }
  (void)object.release();  // the receiver's finalizer owns it from here on
  return call.receiver;
}

MockCluster* MockClusterObject::Unwrap(napi_env env, const CallInfo& call) {
  auto* object = UnwrapTagged<MockClusterObject>(env, call.receiver);
  if (object == nullptr) return nullptr;
  if (object->cluster_ == nullptr) {
    ThrowStatus(env, Status::Error(kErrorClosed, "the mock cluster is closed"));
    return nullptr;
  }
  return object->cluster_.get();
}

template <MockClusterObject::Action action>
napi_value MockClusterObject::Run(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  Value arguments;
  Status status = ToValue(env, call.arguments[0], &arguments);
  // Only after the arguments were read, because a getter among them may have closed the cluster.
  MockCluster* cluster = Unwrap(env, call);
  if (cluster == nullptr) return nullptr;
  if (status.ok()) {
    ValueReader reader(arguments);
    status = action(*cluster, reader);
    status = Checked(std::move(status), reader);
  }
  if (!status.ok()) ThrowStatus(env, status);
  return status.ok() ? Undefined(env) : nullptr;
}

napi_value MockClusterObject::BootstrapServers(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  MockCluster* cluster = Unwrap(env, call);
  return cluster == nullptr ? nullptr : FromValue(env, Value(cluster->bootstrap_servers()));
}

napi_value MockClusterObject::Close(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  auto* object = UnwrapTagged<MockClusterObject>(env, call.receiver);
  if (object == nullptr) return nullptr;
  object->CloseCluster();
  return Undefined(env);
}

void MockClusterObject::CloseCluster() {
  cluster_.reset();
  if (hooked_) (void)napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  hooked_ = false;
}

void MockClusterObject::OnEnvironmentEnd(void* object) {
  auto* self = static_cast<MockClusterObject*>(object);
  self->hooked_ = false;
  self->cluster_.reset();
}

}  // namespace longhaul
