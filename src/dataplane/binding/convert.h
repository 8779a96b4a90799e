// Safe wrappers of Node-API, and JavaScript <-> Value. All functions tolerate an environment that
// is ending (calls fail, nothing aborts), a getter that throws, and an object of another class.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>

#include "core/status.h"
#include "kafka/value.h"

namespace longhaul {

// --- JavaScript -> C++ ---

// null and undefined become null, an integer within 32 bits Int32, a BigInt within 64 bits Int64, a
// Buffer (or another view of bytes) Bytes. Everything else (fractions, functions, symbols) is
// refused, and so is an argument that is nested deeper or is larger than admin arguments are.
Status ToValue(napi_env env, napi_value from, Value* to);
// An object whose own enumerable members are all strings.
Status ReadStringMap(napi_env env, napi_value from, std::map<std::string, std::string>* to);
bool ToString(napi_env env, napi_value from, std::string* to);
bool ToInt32(napi_env env, napi_value from, int32_t* to);

// A member of an object; false if it is missing or of another type.
bool GetString(napi_env env, napi_value object, const char* name, std::string* to);
bool GetBool(napi_env env, napi_value object, const char* name, bool* to);
bool GetInt32(napi_env env, napi_value object, const char* name, int32_t* to);
bool GetInt64(napi_env env, napi_value object, const char* name, int64_t* to);  // a BigInt
bool GetObject(napi_env env, napi_value object, const char* name, napi_value* to);

// --- C++ -> JavaScript ---

// nullptr if the environment no longer accepts values.
napi_value FromValue(napi_env env, const Value& value);
// {code, detail}: the orchestrator converts it to its error class.
napi_value FromStatus(napi_env env, const Status& status);
// Returns nullptr, which a method that throws returns.
napi_value ThrowStatus(napi_env env, const Status& status);

// --- Classes ---

// One call from JavaScript. Missing arguments are undefined.
struct CallInfo {
  static constexpr size_t kArgumentsMax = 4;
  napi_value receiver = nullptr;
  napi_value arguments[kArgumentsMax] = {};
  bool is_new = false;
};
bool ReadCall(napi_env env, napi_callback_info info, CallInfo* call);

struct Method {
  const char* name;
  napi_callback callback;
};
napi_value DefineClass(napi_env env, const char* name, napi_callback constructor,
                       std::span<const Method> methods);

// Wraps `native` into `receiver` and marks the receiver as a T: napi_unwrap alone does not check
// the class.
template <typename T>
bool WrapTagged(napi_env env, napi_value receiver, T* native, napi_finalize finalize,
                napi_ref* reference) {
  if (napi_type_tag_object(env, receiver, &T::kTypeTag) != napi_ok) return false;
  return napi_wrap(env, receiver, native, finalize, nullptr, reference) == napi_ok;
}

// An array of the rows, which are structs of int64 only.
template <typename Row>
napi_value ToBigInt64Array(napi_env env, const Row* rows, size_t count) {
  static_assert(sizeof(Row) % sizeof(int64_t) == 0);
  size_t bytes = count * sizeof(Row);
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, bytes, &data, &buffer) != napi_ok) return nullptr;
  if (bytes > 0) std::memcpy(data, rows, bytes);
  if (napi_create_typedarray(env, napi_bigint64_array, bytes / sizeof(int64_t), buffer, 0,
                             &array) != napi_ok)
    return nullptr;
  return array;
}

// nullptr, with a JavaScript exception, if `receiver` is not a T.
template <typename T>
T* UnwrapTagged(napi_env env, napi_value receiver) {
  bool tagged = false;
  void* native = nullptr;
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, receiver, &type) == napi_ok && type == napi_object &&
      napi_check_object_type_tag(env, receiver, &T::kTypeTag, &tagged) == napi_ok && tagged &&
      napi_unwrap(env, receiver, &native) == napi_ok) {
    return static_cast<T*>(native);
  }
  napi_throw_type_error(env, nullptr, T::kWrongReceiver);
  return nullptr;
}

}  // namespace longhaul
