// The forwarder as JavaScript sees it: new ForwarderObject({source, target, settings, producerId,
//   producerEpoch}, onReady) assign([{id, topic, remoteTopic, partition, upstream, downstream,
//   sequence, leaderEpoch, scanFrom?, batching?}]) revoke(ids: number[]) limitBandwidth(bytes a
//   second, [{topic, bytesPerSecond}]) setToken('source' | 'target', token) for SASL OAUTHBEARER
//   takeEvents() -> {states, progress: BigInt64Array, logs, logsLost}
//   stats(whole) -> {lane, partitions, latency, errors: BigInt64Array, latencySumMs} close() ->
//   Promise onReady is called when there are events, and not again before takeEvents() was called.
//   Wrong arguments throw {code, detail}. The columns of the arrays are those of contract-table.ts.
#pragma once

#include <node_api.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/status.h"
#include "kafka/forwarder_thread.h"
#include "kafka/value.h"

namespace longhaul {

struct CallInfo;

// States: open -> closing -> closed. The end of the environment leads to closed from any state.
class ForwarderObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x6c6f6e676861756c, 0x666f727761726401};
  static constexpr const char* kWrongReceiver = "the receiver is not a ForwarderObject";

  static napi_value Define(napi_env env);

  ~ForwarderObject();
  ForwarderObject(const ForwarderObject&) = delete;
  ForwarderObject& operator=(const ForwarderObject&) = delete;

 private:
  ForwarderObject(napi_env env, std::unique_ptr<ForwarderThread> thread);
  static napi_value New(napi_env env, napi_callback_info info);
  static napi_value Assign(napi_env env, napi_callback_info info);
  static napi_value Revoke(napi_env env, napi_callback_info info);
  static napi_value KnowProducers(napi_env env, napi_callback_info info);
  static napi_value LimitBandwidth(napi_env env, napi_callback_info info);
  static napi_value SetToken(napi_env env, napi_callback_info info);
  static napi_value TakeEvents(napi_env env, napi_callback_info info);
  static napi_value Stats(napi_env env, napi_callback_info info);
  static napi_value Close(napi_env env, napi_callback_info info);

  bool Attach(const CallInfo& call);
  void FinishClose();
  // The receiver of a call if it is open; otherwise nullptr, with an exception.
  static ForwarderObject* Unwrap(napi_env env, napi_callback_info info, CallInfo* call);
  static void OnNotified(napi_env env, napi_value function, void* context, void* data);
  static void OnEnvironmentEnd(void* object);

  napi_env env_;
  napi_ref self_ = nullptr;
  napi_threadsafe_function notify_ = nullptr;
  bool hooked_ = false;
  bool closing_ = false;
  std::vector<napi_deferred> closers_;
  std::unique_ptr<ForwarderThread> thread_;  // nullptr: closing or closed
  std::thread closer_;                       // destroys the forwarder off the JavaScript thread
  std::atomic<bool> closed_{false};
};

}  // namespace longhaul
