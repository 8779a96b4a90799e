// What the addon exports. The module has no state: all state belongs to objects, so that every
// worker thread can load the addon.
#include <node_api.h>
#include <unistd.h>

#include "binding/admin_object.h"
#include "binding/fingerprint.h"
#include "binding/forwarder_object.h"
#include "binding/mock_cluster_object.h"
#include "core/process_memory.h"
#include "kafka/client_config.h"

namespace {

bool Export(napi_env env, napi_value exports, const char* name, napi_value value) {
  return value != nullptr && napi_set_named_property(env, exports, name, value) == napi_ok;
}

// Ends the process at once: process.exit() would join libuv's threads, one of which may wait for a
// cluster that does not answer.
napi_value EndProcess(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  int32_t code = 1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok && count == 1) {
    (void)napi_get_value_int32(env, argument, &code);
  }
  _exit(code);
}

}  // namespace

NAPI_MODULE_INIT() {
  (void)longhaul::LimitFreedMemory();  // a lane logs what malloc refused
  napi_value end_process = nullptr;
  (void)napi_create_function(env, "endProcess", NAPI_AUTO_LENGTH, EndProcess, nullptr,
                             &end_process);
  napi_value version = nullptr;
  (void)napi_create_string_utf8(env, longhaul::LibrdkafkaVersion(), NAPI_AUTO_LENGTH, &version);
  napi_value fingerprint = nullptr;
  (void)napi_create_string_utf8(env, longhaul::ContractFingerprint(), NAPI_AUTO_LENGTH,
                                &fingerprint);
  if (!Export(env, exports, "ForwarderObject", longhaul::ForwarderObject::Define(env)) ||
      !Export(env, exports, "AdminObject", longhaul::AdminObject::Define(env)) ||
      !Export(env, exports, "MockClusterObject", longhaul::MockClusterObject::Define(env)) ||
      !Export(env, exports, "contractFingerprint", fingerprint) ||
      !Export(env, exports, "endProcess", end_process) ||
      !Export(env, exports, "librdkafkaVersion", version))
    return nullptr;
  return exports;
}
