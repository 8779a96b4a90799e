// What the addon exports. The module has no state: all state belongs to objects, so that every
// worker thread can load the addon.
#include <node_api.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "binding/admin_object.h"
#include "binding/fingerprint.h"
#include "binding/forwarder_object.h"
#include "binding/mock_cluster_object.h"
#include "core/process_memory.h"
#include "kafka/client_config.h"
#include "net/datagram.h"

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

// Text of an argument; empty if it is none, or longer than any datagram to a service manager.
std::string TextOf(napi_env env, napi_value argument) {
  char text[4096];
  size_t size = 0;
  if (napi_get_value_string_utf8(env, argument, text, sizeof(text), &size) != napi_ok) return {};
  return std::string(text, size);
}

// (path, text) -> errno, 0 if the datagram was sent.
napi_value SendDatagram(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_value result = nullptr;
  int code = EINVAL;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok && count == 2) {
    code = longhaul::SendDatagram(TextOf(env, arguments[0]), TextOf(env, arguments[1]));
  }
  (void)napi_create_int32(env, code, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  (void)longhaul::LimitFreedMemory();  // a lane logs what malloc refused
  napi_value end_process = nullptr;
  (void)napi_create_function(env, "endProcess", NAPI_AUTO_LENGTH, EndProcess, nullptr,
                             &end_process);
  napi_value send_datagram = nullptr;
  (void)napi_create_function(env, "sendDatagram", NAPI_AUTO_LENGTH, SendDatagram, nullptr,
                             &send_datagram);
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
      !Export(env, exports, "sendDatagram", send_datagram) ||
      !Export(env, exports, "librdkafkaVersion", version))
    return nullptr;
  return exports;
}
