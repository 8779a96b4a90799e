#include "binding/forwarder_object.h"

#include <cstring>
#include <string>
#include <utility>

#include "binding/convert.h"
#include "binding/forwarder_arguments.h"
#include "contract/contract.generated.h"

namespace longhaul {
namespace {

Status ReadConfig(napi_env env, napi_value from, ForwarderConfig* config,
                  ClientProperties* source, ClientProperties* target) {
  napi_value object = nullptr;
  for (const auto& [name, to] : {std::pair{"source", source}, std::pair{"target", target}}) {
    if (!GetObject(env, from, name, &object))
      return Status::Error(kErrorInvalidArgument, std::string(name) + " must be an object");
    if (Status status = ReadStringMap(env, object, to); !status.ok()) return status;
  }
  if (!GetObject(env, from, "settings", &object))
    return Status::Error(kErrorInvalidArgument, "settings must be an object");
  for (const ForwarderSettingName& setting : kForwarderSettingNames)
    if (!GetInt64(env, object, setting.name, &(config->settings.*setting.member)))
      return Status::Error(kErrorInvalidArgument,
                           std::string("settings.") + setting.name + " must be a BigInt");
  int32_t epoch = 0;
  if (!GetInt64(env, from, "producerId", &config->producer_id) || config->producer_id < -1 ||
      !GetInt32(env, from, "producerEpoch", &epoch) || epoch < 0 || epoch > 0x7fff)
    return Status::Error(kErrorInvalidArgument, "producerId and producerEpoch must be set");
  config->producer_epoch = static_cast<int16_t>(config->producer_id < 0 ? -1 : epoch);
  return Status::Ok();
}

bool SetMember(napi_env env, napi_value object, const char* name, napi_value value) {
  return value != nullptr && napi_set_named_property(env, object, name, value) == napi_ok;
}

napi_value StatesToArray(napi_env env, const std::vector<StateEvent>& states) {
  Value::Array array;
  array.reserve(states.size());
  for (const StateEvent& event : states)
    array.push_back(Value(Value::Object{
        {"id", Value::Int32(static_cast<int32_t>(event.id))},
        {"state", Value::Int32(static_cast<int32_t>(event.state))},
        {"code", Value::Int32(event.code)},
        {"detail", Value(event.detail)},
        {"skipTo", Value::Int64(event.skip_to)},
        {"skipRecords", Value::Int64(event.skip_records)},
        {"skipEpoch", Value::Int32(event.skip_epoch)},
        {"released", Value(event.released)},
    }));
  return FromValue(env, Value(std::move(array)));
}

napi_value LogsToArray(napi_env env, const std::vector<LogLine>& logs) {
  Value::Array array;
  for (const LogLine& line : logs)
    array.push_back(Value(
        Value::Object{{"level", Value::Int32(line.level)}, {"text", Value(line.text)}}));
  return FromValue(env, Value(std::move(array)));
}

}  // namespace

napi_value ForwarderObject::Define(napi_env env) {
  static constexpr Method kMethods[] = {
      {"assign", Assign},
      {"revoke", Revoke},
      {"knowProducers", KnowProducers},
      {"limitBandwidth", LimitBandwidth},
      {"setToken", SetToken},
      {"takeEvents", TakeEvents},
      {"stats", Stats},
      {"close", Close},
  };
  return DefineClass(env, "ForwarderObject", New, kMethods);
}

ForwarderObject::ForwarderObject(napi_env env, std::unique_ptr<ForwarderThread> thread)
    : env_(env), thread_(std::move(thread)) {}

ForwarderObject::~ForwarderObject() {
  thread_.reset();
  if (closer_.joinable()) closer_.join();
  if (hooked_) (void)napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  if (notify_ != nullptr) (void)napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  if (self_ != nullptr) (void)napi_delete_reference(env_, self_);
}

napi_value ForwarderObject::New(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  napi_valuetype type = napi_undefined;
  if (!call.is_new || napi_typeof(env, call.arguments[1], &type) != napi_ok ||
      type != napi_function) {
    (void)napi_throw_type_error(env, nullptr, "new ForwarderObject(config, onReady)");
    return nullptr;
  }
  ForwarderConfig config;
  ClientProperties source, target;
  std::unique_ptr<ForwarderThread> thread;
  Status status = ReadConfig(env, call.arguments[0], &config, &source, &target);
  if (status.ok()) status = ForwarderThread::Open(config, source, target, &thread);
  if (!status.ok()) return ThrowStatus(env, status);
  std::unique_ptr<ForwarderObject> object(new ForwarderObject(env, std::move(thread)));
  if (!object->Attach(call)) return nullptr;
  (void)object.release();  // the receiver's finalizer owns it from here on
  return call.receiver;
}

bool ForwarderObject::Attach(const CallInfo& call) {
  napi_value name = nullptr;
  if (napi_create_string_utf8(env_, "longhaul.forwarder", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env_, call.arguments[1], nullptr, name, 0, 1, nullptr,
                                      nullptr, this, OnNotified, &notify_) != napi_ok)
    return false;
  // Added after the thread-safe function, whose own hook therefore runs later (hooks run last in,
  // first out): the loop thread must end before the function that it calls.
  hooked_ = napi_add_env_cleanup_hook(env_, OnEnvironmentEnd, this) == napi_ok;
  auto finalize = [](napi_env, void* native, void*) {
    delete static_cast<ForwarderObject*>(native);
  };
  if (!hooked_ || !WrapTagged(env_, call.receiver, this, finalize, &self_)) return false;
  uint32_t ignored = 0;
  (void)napi_reference_ref(env_, self_, &ignored);  // an open forwarder is never collected
  thread_->events().OnReady([notify = notify_] {
    (void)napi_call_threadsafe_function(notify, nullptr, napi_tsfn_nonblocking);
  });
  return true;
}

ForwarderObject* ForwarderObject::Unwrap(napi_env env, napi_callback_info info, CallInfo* call) {
  if (!ReadCall(env, info, call)) return nullptr;
  auto* object = UnwrapTagged<ForwarderObject>(env, call->receiver);
  if (object == nullptr) return nullptr;
  if (object->thread_ != nullptr) return object;
  ThrowStatus(env, Status::Error(kErrorClosed, "the forwarder is closed"));
  return nullptr;
}

napi_value ForwarderObject::Assign(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  Value list;
  Status status = ToValue(env, call.arguments[0], &list);
  if (status.ok() && list.AsArray() == nullptr)
    status = Status::Error(kErrorInvalidArgument, "assign needs an array");
  std::vector<PartitionAssignment> assignments;
  if (status.ok()) assignments.resize(list.AsArray()->size());
  for (size_t i = 0; status.ok() && i < assignments.size(); i++)
    status = ReadAssignment((*list.AsArray())[i], &assignments[i]);
  if (!status.ok()) return ThrowStatus(env, status);
  if (object->thread_ != nullptr)  // a getter among the arguments may have closed it
    object->thread_->With([&](Forwarder& f) { f.Assign(std::move(assignments)); });
  return nullptr;
}

napi_value ForwarderObject::Revoke(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  Value list;
  Status status = ToValue(env, call.arguments[0], &list);
  std::vector<uint32_t> ids;
  if (status.ok() && list.AsArray() != nullptr)
    for (const Value& id : *list.AsArray())
      if (id.AsInt32() != nullptr) ids.push_back(static_cast<uint32_t>(*id.AsInt32()));
  if (!status.ok() || list.AsArray() == nullptr || ids.size() != list.AsArray()->size())
    return ThrowStatus(env, Status::Error(kErrorInvalidArgument,
                                          "revoke accepts an array of partition ids only"));
  if (object->thread_ != nullptr)
    object->thread_->With([&](Forwarder& f) { f.Revoke(ids); });
  return nullptr;
}

napi_value ForwarderObject::KnowProducers(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  Value from;
  ProducersAnswer answer;
  Status status = ToValue(env, call.arguments[0], &from);
  if (status.ok()) status = ReadProducers(from, &answer);
  if (!status.ok()) return ThrowStatus(env, status);
  if (object->thread_ != nullptr)
    object->thread_->With([&](Forwarder& f) { f.KnowProducers(answer); });
  return nullptr;
}

napi_value ForwarderObject::LimitBandwidth(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  int64_t rate = -1;
  if (napi_get_value_int64(env, call.arguments[0], &rate) != napi_ok || rate < 0)
    return ThrowStatus(env, Status::Error(kErrorInvalidArgument,
                                          "limitBandwidth needs bytes a second, 0 for no limit"));
  Value from;
  std::vector<TopicRate> topics;
  Status status = ToValue(env, call.arguments[1], &from);
  if (status.ok()) status = ReadTopicRates(from, &topics);
  if (!status.ok()) return ThrowStatus(env, status);
  if (object->thread_ != nullptr)  // a getter among the arguments may have closed it
    object->thread_->With([&](Forwarder& f) { f.LimitBandwidth(rate, topics); });
  return nullptr;
}

napi_value ForwarderObject::SetToken(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  std::string side, token;
  Status status = Status::Ok();
  if (!ToString(env, call.arguments[0], &side) || !ToString(env, call.arguments[1], &token) ||
      (side != SideName(Side::kSource) && side != SideName(Side::kTarget))) {
    status = Status::Error(kErrorInvalidArgument, "setToken needs source or target, and a token");
  } else {
    status = object->thread_->SetToken(
        side == SideName(Side::kSource) ? Side::kSource : Side::kTarget, token);
  }
  if (!status.ok()) ThrowStatus(env, status);
  return nullptr;
}

napi_value ForwarderObject::TakeEvents(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  Events events = object->thread_->events().Take();
  struct Row {
    int64_t id, upstream, downstream, sequence, leader_epoch;
  };
  std::vector<Row> progress;
  progress.reserve(events.progress.size());
  for (const ProgressEvent& event : events.progress)
    progress.push_back({event.id, event.progress.upstream, event.progress.downstream,
                        event.progress.sequence, event.progress.leader_epoch});
  struct SpanRow {
    int64_t id, upstream, downstream, upstream_length, downstream_length, records;
  };
  std::vector<SpanRow> spans;
  spans.reserve(events.spans.size());
  for (const auto& [id, span] : events.spans)
    spans.push_back({id, span.upstream, span.downstream, span.upstream_length,
                     span.downstream_length, span.records});
  napi_value result = nullptr;
  if (napi_create_object(env, &result) != napi_ok ||
      !SetMember(env, result, "states", StatesToArray(env, events.states)) ||
      !SetMember(env, result, "progress",
                 ToBigInt64Array(env, progress.data(), progress.size())) ||
      !SetMember(env, result, "spans", ToBigInt64Array(env, spans.data(), spans.size())) ||
      !SetMember(env, result, "logs", LogsToArray(env, events.logs)) ||
      !SetMember(env, result, "logsLost", FromValue(env, Value::Int64(events.logs_lost))) ||
      !SetMember(env, result, "question", FromValue(env, Value::Int64(events.question))))
    return nullptr;
  return result;
}

napi_value ForwarderObject::Stats(napi_env env, napi_callback_info info) {
  CallInfo call;
  auto* object = Unwrap(env, info, &call);
  if (object == nullptr) return nullptr;
  bool whole = false;
  if (napi_get_value_bool(env, call.arguments[0], &whole) != napi_ok)
    return ThrowStatus(env, Status::Error(kErrorInvalidArgument, "stats needs true or false"));
  LaneCounters lane;
  std::vector<PartitionCounters> partitions;
  std::vector<BrokerCounters> brokers;
  LatencyCounts latency;
  std::vector<std::pair<int64_t, int64_t>> errors, answers;
  object->thread_->With([&](Forwarder& f) {
    lane = f.SnapshotLane();
    partitions = f.SnapshotPartitions(whole);
    brokers = f.SnapshotBrokers();
    answers = f.QuietAnswers();
    latency = f.latency();
    errors.assign(f.errors().begin(), f.errors().end());
  });
  napi_value result = nullptr;
  if (napi_create_object(env, &result) != napi_ok ||
      !SetMember(env, result, "lane", ToBigInt64Array(env, &lane, 1)) ||
      !SetMember(env, result, "isWhole", FromValue(env, Value(whole))) ||
      !SetMember(env, result, "partitions",
                 ToBigInt64Array(env, partitions.data(), partitions.size())) ||
      !SetMember(env, result, "brokers", ToBigInt64Array(env, brokers.data(), brokers.size())) ||
      !SetMember(env, result, "latency",
                 ToBigInt64Array(env, latency.counts().data(), latency.counts().size())) ||
      !SetMember(env, result, "quietAnswers",
                 ToBigInt64Array(env, answers.data(), answers.size())) ||
      !SetMember(env, result, "errors", ToBigInt64Array(env, errors.data(), errors.size())) ||
      !SetMember(env, result, "latencySumMs", FromValue(env, Value::Int64(latency.sum_ms()))))
    return nullptr;
  return result;
}

napi_value ForwarderObject::Close(napi_env env, napi_callback_info info) {
  CallInfo call;
  if (!ReadCall(env, info, &call)) return nullptr;
  auto* object = UnwrapTagged<ForwarderObject>(env, call.receiver);
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (object == nullptr || napi_create_promise(env, &deferred, &promise) != napi_ok) return nullptr;
  object->closers_.push_back(deferred);
  if (object->notify_ == nullptr) {
    object->FinishClose();
  } else if (!object->closing_) {
    object->closing_ = true;
    object->thread_->events().OnReady(nullptr);
    object->closer_ = std::thread([object, thread = std::move(object->thread_)]() mutable {
      thread.reset();  // waits for librdkafka's threads: up to a second
      object->closed_ = true;
      (void)napi_call_threadsafe_function(object->notify_, nullptr, napi_tsfn_nonblocking);
    });
  }
  return promise;
}

void ForwarderObject::OnNotified(napi_env env, napi_value function, void* context, void*) {
  // Without an environment, Node-API is emptying the queue of an aborted function: the object may
  // no longer exist.
  if (env == nullptr) return;
  auto* object = static_cast<ForwarderObject*>(context);
  if (object->closed_) return object->FinishClose();
  if (object->thread_ == nullptr) return;
  napi_value receiver = nullptr;
  napi_value is_urgent = nullptr;
  if (napi_get_undefined(env, &receiver) != napi_ok ||
      napi_get_boolean(env, object->thread_->events().holds_urgent(), &is_urgent) != napi_ok)
    return;
  (void)napi_call_function(env, receiver, function, 1, &is_urgent, nullptr);
}

void ForwarderObject::FinishClose() {
  if (closer_.joinable()) closer_.join();
  if (notify_ != nullptr) {
    (void)napi_release_threadsafe_function(notify_, napi_tsfn_abort);
    notify_ = nullptr;
    (void)napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
    hooked_ = false;
    uint32_t ignored = 0;
    (void)napi_reference_unref(env_, self_, &ignored);
  }
  napi_value undefined = nullptr;
  Napi::HandleScope scope(env_);
  if (napi_get_undefined(env_, &undefined) != napi_ok) return;
  for (napi_deferred deferred : std::exchange(closers_, {}))
    (void)napi_resolve_deferred(env_, deferred, undefined);
}

void ForwarderObject::OnEnvironmentEnd(void* object) {
  auto* self = static_cast<ForwarderObject*>(object);
  self->hooked_ = false;
  self->thread_.reset();  // waits for its threads, which must not outlive the environment
  if (self->closer_.joinable()) self->closer_.join();
  // The environment closes the thread-safe function in its own hook, which runs after this one.
  self->notify_ = nullptr;
}

}  // namespace longhaul
