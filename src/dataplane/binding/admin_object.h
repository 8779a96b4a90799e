// The admin client as JavaScript sees it:
//   new AdminObject(properties)            throws {code, detail}
//   call(name, arguments, timeoutMs)       -> Promise; rejects with {code, detail}
//   setToken(token)                        for SASL OAUTHBEARER; throws {code, detail}
//   close()                                -> Promise; legal at any time, any number of times
#pragma once

#include <node_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/status.h"
#include "kafka/admin.h"
#include "kafka/value.h"

namespace longhaul {

struct CallInfo;

// Two threads use an AdminObject. The admin thread calls only Post*, which use only the members
// that mutex_ guards; the rest belongs to the JavaScript thread. States: open -> closing -> closed.
// The end of the environment leads to closed from any state; promises that are pending then are
// never settled.
class AdminObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x6c6f6e676861756c, 0x61646d696e000001};
  static constexpr const char* kWrongReceiver = "the receiver is not an AdminObject";

  // The constructor, to be exported.
  static napi_value Define(napi_env env);

  ~AdminObject();
  AdminObject(const AdminObject&) = delete;
  AdminObject& operator=(const AdminObject&) = delete;

 private:
  struct Completed {
    uint64_t id;
    Status status;
    Value value;
  };

  AdminObject(napi_env env, std::unique_ptr<Admin> admin);
  static napi_value New(napi_env env, napi_callback_info info);
  static napi_value Call(napi_env env, napi_callback_info info);
  static napi_value SetToken(napi_env env, napi_callback_info info);
  static napi_value Close(napi_env env, napi_callback_info info);

  bool Attach(napi_value receiver);
  // The first step of every asynchronous method. nullptr: an exception is pending.
  static AdminObject* Begin(napi_env env, napi_callback_info info, CallInfo* call,
                            napi_deferred* deferred, napi_value* promise);
  void StartCall(const CallInfo& call, napi_deferred deferred);
  void Settle(napi_deferred deferred, const Status& status, const Value& value);
  void FinishClose();

  void PostCompleted(Completed completed);
  void PostClosed();
  void Notify();
  static void OnNotified(napi_env env, napi_value function, void* context, void* data);
  void Drain();

  // While `busy`, this object is not collected, and the process does not end.
  void HoldWhile(bool busy);
  static void OnEnvironmentEnd(void* object);

  napi_env env_;
  napi_ref self_ = nullptr;
  napi_threadsafe_function notify_ = nullptr;
  bool held_ = false;
  bool hooked_ = false;
  bool closing_ = false;
  uint64_t next_id_ = 0;
  std::map<uint64_t, napi_deferred> pending_;
  std::vector<napi_deferred> closers_;

  std::mutex mutex_;  // guards the three below
  std::vector<Completed> completed_;
  bool closed_posted_ = false;
  bool notified_ = false;

  std::unique_ptr<Admin> admin_;  // nullptr: closed. The last member, so that its thread ends first
};

}  // namespace longhaul
