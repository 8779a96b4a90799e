// Admin calls to one cluster: one librdkafka client, a bounded queue of calls, and threads that run
// up to kCallsAtOnceMax calls at the same time, so that a slow call does not delay the others. The
// calls themselves are in admin_*.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/status.h"
#include "kafka/client_config.h"
#include "kafka/value.h"

namespace longhaul {

// Calls start in the order in which they were submitted and end in any order. Submit and
// RequestClose may be called from any thread and never wait; Close and the destructor wait for the
// threads to end.
class Admin {
 public:
  // More calls than the periodic work of a flow (topics, configurations, groups, offsets) runs at
  // the same time.
  static constexpr size_t kCallsAtOnceMax = 4;
  // A further call returns _QUEUE_FULL. Only a caller with a fault has this many calls waiting.
  static constexpr size_t kWaitingCallsMax = 256;
  static constexpr int32_t kTimeoutMsMax = 3'600'000;

  // Runs on a thread of the pool, exactly once for each call that Submit accepted.
  using Completion = std::function<void(Status, Value)>;

  static Status Open(const ClientProperties& properties, std::unique_ptr<Admin>* out);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // `timeout_ms` counts from now, so it includes waiting for other calls. After an error no call
  // was queued, and `done` is never called.
  Status Submit(std::string call, Value arguments, int32_t timeout_ms, Completion done);

  // For future logins, see SetToken of client_config.h.
  Status SetToken(const std::string& token);

  // Every call that waits or runs ends with CLOSED. Then the last thread of the pool destroys the
  // client and, as its last action, calls `closed`. Only the first RequestClose has an effect.
  void RequestClose(std::function<void()> closed);
  // The same, and waits. A call that blocks inside librdkafka delays it for kSliceMsMax at most.
  void Close();

 private:
  class Pool;
  explicit Admin(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace longhaul
