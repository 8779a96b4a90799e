// Admin calls to one cluster: a librdkafka client, one thread of its own, a bounded queue of calls.
// The calls themselves are in admin_topics.cc, admin_configs.cc and admin_offsets.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/status.h"
#include "core/value.h"
#include "kafka/client_config.h"

namespace longhaul {

// Calls run one after another, in the order they were submitted. Submit and RequestClose may be
// called from any thread and never wait; Close and the destructor wait for the thread to end.
class Admin {
 public:
  // A caller that has more than this waiting has lost count; it gets _QUEUE_FULL.
  static constexpr size_t kWaitingCallsMax = 256;
  static constexpr int32_t kTimeoutMsMax = 3'600'000;

  // Runs on the admin thread, exactly once for each call that Submit took.
  using Completion = std::function<void(Status, Value)>;

  static Status Open(const ClientProperties& properties, std::unique_ptr<Admin>* out);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // `timeout_ms` counts from now, waiting behind other calls included. On an error nothing was
  // queued and `done` is never called.
  Status Submit(std::string call, Value arguments, int32_t timeout_ms, Completion done);

  // Every waiting call and the one that runs end with CLOSED; then the client is destroyed and
  // `closed` is called on the admin thread, as the last thing that it does. Only the first call
  // has an effect.
  void RequestClose(std::function<void()> closed);
  // The same, and waits. A call that blocks inside librdkafka holds it up for kSliceMsMax at most.
  void Close();

 private:
  class Worker;
  explicit Admin(std::unique_ptr<Worker> worker);
  std::unique_ptr<Worker> worker_;
};

}  // namespace longhaul
