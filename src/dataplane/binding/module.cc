// What the addon exports. No state of its own: everything hangs on the objects, so that every
// worker thread can load it.
#include <node_api.h>

#include "binding/admin_object.h"
#include "binding/forwarder_object.h"
#include "binding/mock_cluster_object.h"
#include "kafka/client_config.h"

namespace {

bool Export(napi_env env, napi_value exports, const char* name, napi_value value) {
  return value != nullptr && napi_set_named_property(env, exports, name, value) == napi_ok;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value version = nullptr;
  (void)napi_create_string_utf8(env, longhaul::LibrdkafkaVersion(), NAPI_AUTO_LENGTH, &version);
  if (!Export(env, exports, "ForwarderObject", longhaul::ForwarderObject::Define(env)) ||
      !Export(env, exports, "AdminObject", longhaul::AdminObject::Define(env)) ||
      !Export(env, exports, "MockClusterObject", longhaul::MockClusterObject::Define(env)) ||
      !Export(env, exports, "librdkafkaVersion", version))
    return nullptr;
  return exports;
}
