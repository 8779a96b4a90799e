// Admin calls to one cluster: one librdkafka client, a bounded queue of calls, and threads that run
// up to kCallsAtOnceMax of them side by side, so that a slow call does not hold up the others. The
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

// Calls begin in the order in which they were submitted and end in any order. Submit and
// RequestClose may be called from any thread and never wait; Close and the destructor wait for the
// threads to end.
class Admin {
 public:
  // More than the periodic work of a flow (topics, configurations, groups, offsets) asks at once.
  static constexpr size_t kCallsAtOnceMax = 4;
  // A caller that has more than this waiting has lost count; it gets _QUEUE_FULL.
  static constexpr size_t kWaitingCallsMax = 256;
  static constexpr int32_t kTimeoutMsMax = 3'600'000;

  // Runs on a thread of the pool, exactly once for each call that Submit accepted.
  using Completion = std::function<void(Status, Value)>;

  static Status Open(const ClientProperties& properties, std::unique_ptr<Admin>* out);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // `timeout_ms` counts from now, waiting behind other calls included. On an error nothing was
  // queued and `done` is never called.
  Status Submit(std::string call, Value arguments, int32_t timeout_ms, Completion done);

  // For the logins from now on, see SetToken of client_config.h.
  Status SetToken(const std::string& token);

  // Every call that waits or runs ends with CLOSED; then the client is destroyed and `closed` is
  // called on the last thread of the pool, as the last thing that it does. Only the first call has
  // an effect.
  void RequestClose(std::function<void()> closed);
  // The same, and waits. A call that blocks inside librdkafka holds it up for kSliceMsMax at most.
  void Close();

 private:
  class Pool;
  explicit Admin(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace longhaul
